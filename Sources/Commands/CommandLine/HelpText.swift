/// The text of `--help`.
struct HelpText {
    let commands: [Command]
    let common: [Command.Option]

    /// Help about a command, a group, or the whole program.
    ///
    /// - Throws: `UsageError` for a path that leads nowhere.
    func text(for path: [String]) throws(UsageError) -> String {
        if let command = commands.first(where: { $0.path == path }) { return text(for: command) }
        let members = commands.filter { $0.path.count > path.count && Array($0.path.prefix(path.count)) == path }
        if path.isEmpty { return overview }
        guard !members.isEmpty else {
            let known = commands.filter { !$0.isHidden }.compactMap(\.path.first)
            let nearest = nearestName(to: path[0], among: known).map { "; did you mean \"\($0)\"?" } ?? ""
            throw UsageError(message: "there is no command \"\(path.joined(separator: " "))\"\(nearest)")
        }
        var text = "Usage: martlet \(path.joined(separator: " ")) COMMAND\n\nCommands:\n"
        text += table(
            members.filter { !$0.isHidden }.map { ($0.path.dropFirst(path.count).joined(separator: " "), $0.summary) })
        return text
    }

    private func text(for command: Command) -> String {
        var text = command.summary + "\n\n"
        text += "Usage: martlet \(command.path.joined(separator: " "))"
        text += command.usage.isEmpty ? "\n" : " \(command.usage)\n"
        if !command.aliases.isEmpty { text += "Also: \(command.aliases.joined(separator: ", "))\n" }
        if !command.discussion.isEmpty { text += "\n\(command.discussion)\n" }
        if !command.examples.isEmpty {
            text += "\nExamples:\n" + command.examples.map { "  \($0)\n" }.joined()
        }
        if !command.options.isEmpty { text += "\nOptions:\n" + table(command.options.map(row)) }
        text += "\nOptions of every command:\n" + table(common.map(row))
        return text
    }

    private var overview: String {
        var text = """
            Martlet runs containers from declarative manifests, keeps them healthy, and changes them without losing a request.

            Usage: martlet COMMAND [OPTIONS]

            Commands:

            """
        var groups: Set<String> = []
        var rows: [(String, String)] = []
        for command in commands where !command.isHidden {
            if command.path.count == 1 {
                rows.append((command.name, command.summary))
            } else if let group = command.path.first, groups.insert(group).inserted {
                let names = commands.filter { $0.path.first == group }.map(\.name)
                rows.append((group, "Commands: \(names.joined(separator: ", "))"))
            }
        }
        text += table(rows)
        text += "\nOptions of every command:\n" + table(common.map(row))
        return text + "\n`martlet COMMAND --help` describes a command and shows examples.\n"
    }

    private func row(_ option: Command.Option) -> (String, String) {
        var name = option.short.map { "-\($0), " } ?? "    "
        name += "--\(option.name)"
        switch option.kind {
        case .flag: break
        case .value(let label): name += " \(label)"
        case .values(let label): name += " \(label)..."
        case .optional(let label, _): name += "[=\(label)]"
        }
        return (name, option.help + (option.defaultText.map { " (default: \($0))" } ?? ""))
    }

    private func table(_ rows: [(String, String)]) -> String {
        let width = rows.map(\.0.count).max() ?? 0
        return rows.map { name, help in
            "  \(name)\(String(repeating: " ", count: width - name.count))  \(help)\n"
        }.joined()
    }
}
