import Client
import Glibc

/// The `martlet` program.
public enum Program {
    /// The version, as `martlet version` prints it.
    public static let version = "0.1.0"

    static let commonOptions: [Command.Option] = [
        .init("namespace", short: "n", .value("NAME"), "The namespace", default: "the context's, else default"),
        .init(
            "kubeconfig", .value("FILE"), "How the server is reached and trusted", default: "see `martlet up --help`"),
        .init("context", .value("NAME"), "Which context of the kubeconfig file"),
        .init("verbose", short: "v", .flag, "Say more about what happens"),
        .init("help", short: "h", .flag, "Show help"),
    ]

    /// Runs the program with the arguments of the process, and ends the process.
    public static func main() -> Never {
        signal(SIGPIPE, SIG_IGN)
        exit(run(Array(CommandLine.arguments.dropFirst()), context: .process()))
    }

    /// Runs one command line and returns the exit code: 0 for success, 1 for failure, 2 for a call that makes no sense.
    static func run(_ words: [String], context: Context) -> Int32 {
        let commands = allCommands
        let parser = ArgumentParser(commands: commands, common: commonOptions)
        var path: [String] = []
        do {
            switch try parser.parse(words) {
            case .help(let path):
                context.output(try HelpText(commands: commands, common: commonOptions).text(for: path))
                return 0
            case .run(let command, let options, let arguments, let passed):
                path = command.path
                let invocation = Invocation(
                    command: command, options: options, arguments: arguments, passed: passed, context: context)
                return try command.run(invocation)
            }
        } catch let error as UsageError {
            let shown = (["martlet"] + (error.path.isEmpty ? path : error.path)).joined(separator: " ")
            context.note("error: \(error.message)\nRun `\(shown) --help` for usage.")
            return 2
        } catch let error as CommandFailure {
            if !error.message.isEmpty { context.note("error: \(error.message)") }
            return error.code
        } catch {
            context.note("error: \(error)")
            return 1
        }
    }
}
