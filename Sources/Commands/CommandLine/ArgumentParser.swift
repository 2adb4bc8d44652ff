/// Finds the command that the arguments of the program call, and its options.
struct ArgumentParser: Sendable {
    /// Every command.
    let commands: [Command]
    /// Options that every command takes.
    let common: [Command.Option]

    /// What the arguments ask for.
    enum Result {
        case run(Command, options: [String: [String]], arguments: [String], passed: [String])
        /// Help about a command or a group: the words of its path.
        case help([String])
    }

    /// Parses the arguments behind the program's name.
    ///
    /// - Throws: `UsageError` that names the nearest known word.
    func parse(_ words: [String]) throws(UsageError) -> Result {
        var rest = words[...]
        // Common options may stand before the command, as in `martlet -n shop get pods`.
        var options: [String: [String]] = [:]
        while let word = rest.first, word.hasPrefix("-"), word != "--", word != "-" {
            rest = rest.dropFirst()
            if word == "--help" || word == "-h" { return .help([]) }
            if word == "--version" { return try parse(["version", "--client"] + rest) }
            try takeOption(word, &rest, known: common, path: [], into: &options)
        }
        let (path, consumed) = try commandPath(rest)
        if path.first == "help" { return .help(Array(rest.dropFirst())) }
        rest = rest.dropFirst(consumed)
        guard let command = commands.first(where: { $0.path == path }) else { return .help(path) }
        return try parse(command, &rest, options)
    }

    private func parse(
        _ command: Command, _ rest: inout ArraySlice<String>, _ before: [String: [String]]
    ) throws(UsageError) -> Result {
        var options = before
        var arguments: [String] = []
        while let word = rest.popFirst() {
            if word == "--" { return .run(command, options: options, arguments: arguments, passed: Array(rest)) }
            if word == "--help" || word == "-h" { return .help(command.path) }
            if word.hasPrefix("-"), word.count > 1, !isNumber(word) {
                try takeOption(word, &rest, known: command.options + common, path: command.path, into: &options)
                continue
            }
            arguments.append(word)
            // `exec POD ls -l` works without `--` too: what follows the second plain word is the command's own.
            if command.passesThrough, arguments.count == 1, let next = rest.first, !next.hasPrefix("-") {
                return .run(command, options: options, arguments: arguments, passed: Array(rest))
            }
        }
        return .run(command, options: options, arguments: arguments, passed: [])
    }

    private func isNumber(_ word: String) -> Bool { Int(word) != nil }

    /// The path of the command that the first words call, aliases resolved, and how many words it took.
    private func commandPath(_ words: ArraySlice<String>) throws(UsageError) -> ([String], Int) {
        var path: [String] = []
        var consumed = 0
        for word in words {
            let candidates = commands.filter { $0.path.count > path.count && Array($0.path.prefix(path.count)) == path }
            if candidates.isEmpty { break }
            guard !word.hasPrefix("-") else { break }
            let next = candidates.first { candidate in
                candidate.path[path.count] == word
                    || (candidate.path.count == path.count + 1 && candidate.aliases.contains(word))
            }
            guard let next else {
                if path.isEmpty && word == "help" { return (["help"], 1) }
                // A command that takes words of its own may also be the start of a group.
                if commands.contains(where: { $0.path == path }) { break }
                let known = candidates.filter { !$0.isHidden }.map { $0.path[path.count] }
                throw UsageError(
                    message: unknown("command", (path + [word]).joined(separator: " "), word, known), path: path)
            }
            path.append(next.path[path.count])
            consumed += 1
        }
        return (path, consumed)
    }

    private func takeOption(
        _ word: String, _ rest: inout ArraySlice<String>, known: [Command.Option], path: [String],
        into options: inout [String: [String]]
    ) throws(UsageError) {
        guard word.hasPrefix("--") else { return try takeShort(word, &rest, known, path, &options) }
        let parts = word.dropFirst(2).split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
        let name = parts.first.map(String.init) ?? ""
        guard let option = known.first(where: { $0.name == name }) else {
            throw UsageError(message: unknown("flag", "--\(name)", name, known.map(\.name)), path: path)
        }
        let value = parts.count == 2 ? String(parts[1]) : nil
        try set(option, value, &rest, path, &options)
    }

    /// `-f x`, `-fx`, `-it`.
    private func takeShort(
        _ word: String, _ rest: inout ArraySlice<String>, _ known: [Command.Option], _ path: [String],
        _ options: inout [String: [String]]
    ) throws(UsageError) {
        var letters = word.dropFirst()
        while let letter = letters.popFirst() {
            guard let option = known.first(where: { $0.short == letter }) else {
                throw UsageError(message: "unknown flag -\(letter)", path: path)
            }
            if option.kind == .flag {
                options[option.name, default: []].append("true")
                continue
            }
            // `-f x`, `-fx` and `-f=x` mean the same.
            if letters.first == "=" { letters.removeFirst() }
            let value = letters.isEmpty ? nil : String(letters)
            return try set(option, value, &rest, path, &options)
        }
    }

    private func set(
        _ option: Command.Option, _ value: String?, _ rest: inout ArraySlice<String>, _ path: [String],
        _ options: inout [String: [String]]
    ) throws(UsageError) {
        switch option.kind {
        case .flag:
            let value = value ?? "true"
            guard value == "true" || value == "false" else {
                throw UsageError(message: "--\(option.name) takes true or false, not \"\(value)\"", path: path)
            }
            options[option.name, default: []].append(value)
        case .optional(_, let standard): options[option.name, default: []].append(value ?? standard)
        case .value(let label), .values(let label):
            guard let value = value ?? rest.popFirst() else {
                throw UsageError(message: "--\(option.name) needs a value: --\(option.name) \(label)", path: path)
            }
            options[option.name, default: []].append(value)
        }
    }

    private func unknown(_ kind: String, _ shown: String, _ word: String, _ known: [String]) -> String {
        let dashes = kind == "flag" ? "--" : ""
        let nearest = nearestName(to: word, among: known).map { "; did you mean \"\(dashes)\($0)\"?" } ?? ""
        return "unknown \(kind) \"\(shown)\"\(nearest)"
    }
}
