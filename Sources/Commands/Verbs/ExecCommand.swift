import Client
import Glibc
import Model

/// `martlet exec`: runs a command in a container.
enum ExecCommand {
    static let command = Command(
        path: ["exec"], summary: "Run a command in a container",
        usage: "[-it] POD|APP [-c CONTAINER] -- COMMAND [ARGS...]",
        discussion: "Of an App, its first ready pod is meant. Exits with the exit code of the command.",
        options: [
            .init("stdin", short: "i", .flag, "Pass on standard input"),
            .init("tty", short: "t", .flag, "Give the command a terminal"),
            .init("container", short: "c", .value("NAME"), "The container", default: "the main one"),
        ],
        examples: [
            "martlet exec web -- ls -l /", "martlet exec -it app/web -- sh",
            "martlet exec pod/web-7d9fcb5c2x-abcde -c proxy -- env",
        ],
        passesThrough: true, run: run)

    private static func run(_ call: Invocation) throws -> Int32 {
        guard let word = call.arguments.first else {
            throw UsageError(message: "say in which pod or App", path: ["exec"])
        }
        let command = Array(call.arguments.dropFirst()) + call.passed
        guard !command.isEmpty else {
            throw UsageError(message: "say what to run: martlet exec \(word) -- COMMAND", path: ["exec"])
        }
        let api = try call.connect()
        guard let pod = try PodChoice(api: api).pods(word).first else {
            throw CommandFailure(message: "no pod for \(word)")
        }
        let container = try pod.container(call.value("container"))
        var wantsTerminal = call.flag("tty")
        if wantsTerminal && isatty(STDIN_FILENO) != 1 {
            call.context.note("warning: standard input is no terminal; -t is left out")
            wantsTerminal = false
        }
        var parameters: [(name: String, value: String?)] = command.map { ("command", $0) }
        parameters += [("container", container), ("stdout", "true")]
        parameters.append(("stdin", call.flag("stdin") ? "true" : nil))
        parameters.append(("tty", wantsTerminal ? "true" : nil))
        parameters.append(("stderr", wantsTerminal ? nil : "true"))
        let path =
            ResourceType.pod.path(namespace: pod.namespace, name: pod.name, subresource: "exec") + query(parameters)
        let socket = try api.client.webSocket(path, subprotocols: ["v5.channel.k8s.io"])
        return try ExecSessionClient(
            socket: socket, context: call.context, passesInput: call.flag("stdin"), hasTerminal: wantsTerminal
        )
        .run()
    }
}
