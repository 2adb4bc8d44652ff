import Testing

@testable import Commands

private let visible = Program.allCommands.filter { !$0.isHidden }
private let parser = ArgumentParser(commands: Program.allCommands, common: Program.commonOptions)

@Test(arguments: visible.map(\.path))
func `every command says what it does, how it is called, and shows an example`(path: [String]) throws {
    let command = try #require(visible.first { $0.path == path })
    #expect(!command.summary.isEmpty && !command.summary.hasSuffix("."))
    #expect(command.examples.contains { $0.contains("martlet \(path.joined(separator: " "))") })
    for option in command.options { #expect(!option.help.isEmpty, "--\(option.name)") }
    let text = try HelpText(commands: visible, common: Program.commonOptions).text(for: path)
    #expect(text.contains("Usage: martlet \(path.joined(separator: " "))"))
    #expect(text.split(separator: "\n").allSatisfy { $0.count <= 140 }, "a line is too long for a terminal")
}

@Test(arguments: visible.flatMap { command in command.examples.map { (command.path, $0) } })
func `every example is a command line that the program takes`(path: [String], example: String) throws {
    guard let start = example.firstRange(of: "martlet "), !example.hasPrefix("#") else { return }
    // What the shell does with a line is not the program's: `source <(martlet ...)`, `martlet ... > FILE`.
    let call = example[start.upperBound...].prefix { $0 != ")" && $0 != ">" && $0 != "|" }
    let words = call.split(separator: " ").map { $0.filter { $0 != "'" && $0 != "\"" } }
    guard case .run(let command, let options, _, _) = try parser.parse(words) else {
        Issue.record("\(example) is a call for help")
        return
    }
    #expect(command.path == path)
    #expect(Set(options.keys).isSubset(of: (command.options + Program.commonOptions).map(\.name)))
}

@Test func `no option of a command hides one of every command`() {
    for command in visible {
        let all = command.options + Program.commonOptions
        #expect(Set(all.map(\.name)).count == all.count, "\(command.path)")
        let letters = all.compactMap(\.short)
        #expect(Set(letters).count == letters.count, "\(command.path)")
    }
}

@Test func `the overview lists every visible command and no hidden one`() {
    let run = CommandRun("--help")
    #expect(run.code == 0)
    for command in visible { #expect(run.output.contains("\n  \(command.path[0]) "), "\(command.path)") }
    #expect(!run.output.contains("internal-"))
}

@Test func `help about an unknown command names the nearest`() {
    let run = CommandRun("help", "gett")
    #expect(run.code == 2)
    #expect(run.errors.contains(#"there is no command "gett"; did you mean "get"?"#))
}
