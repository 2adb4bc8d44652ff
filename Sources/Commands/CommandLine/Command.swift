/// One command of the `martlet` program, or a group of them.
struct Command: Sendable {
    /// One flag or option of a command.
    struct Option: Sendable {
        /// Whether a value follows.
        enum Kind: Sendable, Equatable {
            /// It is there or not; `--name=false` takes it back.
            case flag
            /// A value follows; the text names it in the help.
            case value(String)
            /// A value follows, and the option may be repeated.
            case values(String)
            /// A value may follow behind `=`; without one it stands for the default.
            case optional(String, default: String)
        }
        /// The long name without dashes.
        var name: String
        /// The one-letter name.
        var short: Character?
        /// Whether a value follows.
        var kind: Kind
        /// One line of help.
        var help: String
        /// Shown in the help where the option has a default.
        var defaultText: String?

        init(
            _ name: String, short: Character? = nil, _ kind: Kind, _ help: String,
            default defaultText: String? = nil
        ) {
            self.name = name
            self.short = short
            self.kind = kind
            self.help = help
            self.defaultText = defaultText
        }
    }

    /// The words by which it is called: `["rollout", "status"]`.
    var path: [String]
    /// Other names for the last word.
    var aliases: [String] = []
    /// One line of help.
    var summary: String
    /// What follows the name in the usage line: `[-f FILE]... [NAME]`.
    var usage: String = ""
    /// Paragraphs of help behind the usage line.
    var discussion: String = ""
    /// The options it takes besides those of every command.
    var options: [Option] = []
    /// Lines of examples: a command, or a comment that starts with `#`.
    var examples: [String] = []
    /// Whether words behind the first plain one belong to another program and are not parsed: `exec POD -- ls -l`.
    var passesThrough = false
    /// Whether it is left out of lists of commands.
    var isHidden = false
    /// Performs the command and returns the exit code.
    var run: @Sendable (Invocation) throws -> Int32

    /// The last word of its path.
    var name: String { path.last ?? "" }
}

/// A command as it was called.
struct Invocation: Sendable {
    /// The command.
    var command: Command
    /// Values of options by long name, in order; flags have the value `true`.
    var options: [String: [String]] = [:]
    /// Words that are no options.
    var arguments: [String] = []
    /// Words behind `--`.
    var passed: [String] = []
    /// Where output goes and what the surroundings are.
    var context: Context

    /// Whether a flag was set.
    func flag(_ name: String) -> Bool { options[name]?.last == "true" }
    /// The last value of an option.
    func value(_ name: String) -> String? { options[name]?.last }
    /// Every value of an option.
    func values(_ name: String) -> [String] { options[name] ?? [] }
}

/// A call that cannot be carried out as it was written; the exit code is 2.
struct UsageError: Error, CustomStringConvertible {
    /// What is wrong, and what to write instead.
    var message: String
    /// The command whose help is pointed to.
    var path: [String] = []
    var description: String { message }
}

/// A failure that was described to the user; the exit code is `code`.
struct CommandFailure: Error, CustomStringConvertible {
    /// What went wrong and what to do.
    var message: String
    /// The program's exit code.
    var code: Int32 = 1
    var description: String { message }
}
