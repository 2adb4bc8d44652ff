import Model

/// `martlet completion`: prints a script that has a shell complete command lines.
enum CompletionCommand {
    static let command = Command(
        path: ["completion"], summary: "Print a script that completes command lines", usage: "bash|zsh|fish",
        examples: [
            "# for this shell:", "source <(martlet completion bash)", "# for every one:",
            "martlet completion bash > /etc/bash_completion.d/martlet",
        ],
        run: { call in
            guard let shell = call.arguments.first, call.arguments.count == 1 else {
                throw UsageError(message: "say for which shell: bash, zsh or fish", path: ["completion"])
            }
            switch shell {
            case "bash": call.context.output(bash)
            case "zsh": call.context.output("autoload -U +X bashcompinit && bashcompinit\n" + bash)
            case "fish": call.context.output(fish)
            default:
                throw UsageError(message: "unknown shell \"\(shell)\"; allowed: bash, zsh, fish", path: ["completion"])
            }
            return 0
        })

    /// `martlet internal-complete WORDS...`: prints what the last word may become, one a line; the scripts call it.
    static let helper = Command(
        path: ["internal-complete"], summary: "Print completions of a command line", passesThrough: true,
        isHidden: true,
        run: { call in
            for word in completions(of: call.passed, names: { names(of: $0, call) }) { call.context.print(word) }
            return 0
        })

    /// The words that the last of some words may become.
    static func completions(of words: [String], names: (ResourceType) -> [String]) -> [String] {
        let last = words.last ?? ""
        let before = words.dropLast().filter { !$0.hasPrefix("-") }
        let commands = Program.allCommands.filter { !$0.isHidden }
        let next = commands.filter {
            $0.path.count > before.count && Array($0.path.prefix(before.count)) == Array(before)
        }
        if !next.isEmpty && !last.hasPrefix("-") {
            return matching(last, next.map { $0.path[before.count] })
        }
        let command = commands.filter { Array(before.prefix($0.path.count)) == $0.path }.max {
            $0.path.count < $1.path.count
        }
        guard let command else { return [] }
        if last.hasPrefix("-") {
            return matching(last, (command.options + Program.commonOptions).map { "--\($0.name)" })
        }
        let arguments = before.dropFirst(command.path.count)
        switch command.name {
        case "get", "describe", "delete", "wait":
            if let first = arguments.first, let type = ResourceType.meant(by: first) {
                return matching(last, names(type))
            }
            return matching(last, ResourceType.all.map(\.plural))
        case "scale": return matching(last, names(.app))
        case "logs", "exec": return matching(last, names(.app) + names(.pod))
        case "completion": return matching(last, ["bash", "zsh", "fish"])
        default: return []
        }
    }

    private static func matching(_ prefix: String, _ words: [String]) -> [String] {
        var seen: Set<String> = []
        return words.filter { $0.hasPrefix(prefix) && seen.insert($0).inserted }
    }

    private static func names(of type: ResourceType, _ call: Invocation) -> [String] {
        guard let api = try? call.connect(), let objects = try? api.list(type, namespace: api.namespace) else {
            return []
        }
        return objects.compactMap { $0["metadata"]?["name"]?.string }
    }

    private static let bash = """
        _martlet() {
          local words
          words=("${COMP_WORDS[@]:1:COMP_CWORD}")
          COMPREPLY=($(martlet internal-complete -- "${words[@]}" 2>/dev/null))
        }
        complete -o default -F _martlet martlet

        """

    private static let fish = """
        complete -c martlet -f -a '(martlet internal-complete -- (commandline -opc)[2..-1] (commandline -ct) 2>/dev/null)'

        """
}
