import Testing

@testable import Commands

/// A command with every kind of option, as the parser sees it.
private let sample = Command(
    path: ["copy"], summary: "Copy", usage: "FROM TO",
    options: [
        .init("file", short: "f", .values("FILE"), ""), .init("interactive", short: "i", .flag, ""),
        .init("tty", short: "t", .flag, ""), .init("dry-run", .optional("HOW", default: "server"), ""),
        .init("count", .value("N"), ""),
    ], run: { _ in 0 })
private let foreign = Command(path: ["exec"], summary: "Run", passesThrough: true, run: { _ in 0 })
private let nested = Command(path: ["image", "ls"], aliases: ["list"], summary: "List", run: { _ in 0 })
private let parser = ArgumentParser(commands: [sample, foreign, nested], common: Program.commonOptions)

/// What a command line was understood as.
private struct Understood: Equatable {
    var path: [String]
    var options: [String: [String]] = [:]
    var arguments: [String] = []
    var passed: [String] = []

    init(_ path: [String], _ options: [String: [String]] = [:], _ arguments: [String] = [], passed: [String] = []) {
        (self.path, self.options, self.arguments, self.passed) = (path, options, arguments, passed)
    }

    init?(parsing words: [String]) throws {
        guard case .run(let command, let options, let arguments, let passed) = try parser.parse(words) else {
            return nil
        }
        self.init(command.path, options, arguments, passed: passed)
    }
}

private let lines: [(String, Understood)] = [
    ("copy a b", Understood(["copy"], [:], ["a", "b"])),
    ("copy -f x a", Understood(["copy"], ["file": ["x"]], ["a"])),
    ("copy a -fx", Understood(["copy"], ["file": ["x"]], ["a"])),
    ("copy -f=x", Understood(["copy"], ["file": ["x"]])),
    ("copy --file x --file=y", Understood(["copy"], ["file": ["x", "y"]])),
    ("copy --count=a=b", Understood(["copy"], ["count": ["a=b"]])),
    ("copy --count -1", Understood(["copy"], ["count": ["-1"]])),
    ("copy -it a", Understood(["copy"], ["interactive": ["true"], "tty": ["true"]], ["a"])),
    ("copy -itfx", Understood(["copy"], ["interactive": ["true"], "tty": ["true"], "file": ["x"]])),
    ("copy --tty=false", Understood(["copy"], ["tty": ["false"]])),
    ("copy --dry-run a", Understood(["copy"], ["dry-run": ["server"]], ["a"])),
    ("copy --dry-run=client a", Understood(["copy"], ["dry-run": ["client"]], ["a"])),
    ("copy -f - a", Understood(["copy"], ["file": ["-"]], ["a"])),
    ("copy a -- -f b", Understood(["copy"], [:], ["a"], passed: ["-f", "b"])),
    ("-n shop copy a", Understood(["copy"], ["namespace": ["shop"]], ["a"])),
    ("--namespace=shop copy -n other", Understood(["copy"], ["namespace": ["shop", "other"]])),
    ("exec web ls -l", Understood(["exec"], [:], ["web"], passed: ["ls", "-l"])),
    ("exec web -- ls -l", Understood(["exec"], [:], ["web"], passed: ["ls", "-l"])),
    ("exec web -n shop -- ls", Understood(["exec"], ["namespace": ["shop"]], ["web"], passed: ["ls"])),
    ("image list", Understood(["image", "ls"])),
]

@Test(arguments: lines)
private func `a command line is understood`(line: String, expected: Understood) throws {
    #expect(try Understood(parsing: line.split(separator: " ").map(String.init)) == expected)
}

@Test(arguments: [
    ("copi a", #"unknown command "copi"; did you mean "copy"?"#),
    ("zzzzzz", #"unknown command "zzzzzz""#),
    ("image lss", #"unknown command "image lss"; did you mean "ls"?"#),
    ("copy --fiel x", #"unknown flag "--fiel"; did you mean "--file"?"#),
    ("copy -x", "unknown flag -x"),
    ("copy --count", "--count needs a value: --count N"),
    ("copy a -f", "--file needs a value: --file FILE"),
    ("copy --tty=perhaps", #"--tty takes true or false, not "perhaps""#),
    ("--nonsense copy", #"unknown flag "--nonsense""#),
])
func `a command line that makes no sense is refused with what is wrong`(line: String, message: String) {
    #expect {
        try parser.parse(line.split(separator: " ").map(String.init))
    } throws: {
        ($0 as? UsageError)?.message == message
    }
}

@Test(arguments: [("--help", []), ("copy a --help", ["copy"]), ("help copy", ["copy"]), ("image", ["image"]), ("", [])])
func `help is asked for in several ways`(line: String, path: [String]) throws {
    guard case .help(let asked) = try parser.parse(line.split(separator: " ").map(String.init)) else {
        Issue.record("\(line) is no call for help")
        return
    }
    #expect(asked == path)
}

@Test(arguments: [
    ("gte", "get"), ("gett", "get"), ("descirbe", "describe"), ("qqqq", nil), ("log", "logs"),
])
func `a mistyped word has the nearest name`(word: String, nearest: String?) {
    #expect(nearestName(to: word, among: ["get", "describe", "logs", "delete"]) == nearest)
}
