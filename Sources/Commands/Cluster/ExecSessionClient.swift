import CLinux
import Client
import Glibc
import Model
import Threads

/// The client's side of an `exec`: moves bytes between this process and the WebSocket (`v5.channel.k8s.io`: the first byte of a
/// message names its channel).
struct ExecSessionClient: Sendable {
    private enum Channel {
        static let stdin: UInt8 = 0
        static let stdout: UInt8 = 1
        static let stderr: UInt8 = 2
        static let error: UInt8 = 3
        static let resize: UInt8 = 4
        static let close: UInt8 = 255
    }

    let socket: any ClientWebSocket
    let context: Context
    let passesInput: Bool
    let hasTerminal: Bool

    /// Runs until the command has ended; returns its exit code.
    func run() throws -> Int32 {
        let terminal = hasTerminal ? RawTerminal() : nil
        defer { terminal?.restore() }
        if hasTerminal {
            sendSize()
            watchSize()
        }
        if passesInput {
            let session = self
            detach { session.sendInput() }
        }
        while let message = try socket.receive() {
            guard let channel = message.first else { continue }
            let payload = Array(message.dropFirst())
            switch channel {
            case Channel.stdout: context.writeOutput(payload)
            case Channel.stderr: context.writeErrors(payload)
            case Channel.error:
                terminal?.restore()
                socket.close()
                return try Self.exitCode(payload)
            default: break
            }
        }
        throw CommandFailure(message: "the connection was closed before the command ended")
    }

    /// Reads the `Status` that ends a session.
    static func exitCode(_ payload: [UInt8]) throws -> Int32 {
        guard let status = try? JSONValue(parsing: payload) else {
            throw CommandFailure(message: String(decoding: payload, as: UTF8.self))
        }
        if status["status"]?.string == "Success" { return 0 }
        let causes = status["details"]?["causes"]?.array ?? []
        let code = causes.first { $0["reason"]?.string == "ExitCode" }?["message"]?.string.flatMap { Int32($0) }
        if status["reason"]?.string == "NonZeroExitCode", let code { return code }
        throw CommandFailure(message: status["message"]?.string ?? "the command could not be run", code: 126)
    }

    private func sendInput() {
        var buffer = [UInt8](repeating: 0, count: 32 << 10)
        while true {
            let count = read(STDIN_FILENO, &buffer, buffer.count)
            if count < 0 && errno == EINTR { continue }
            if count <= 0 { break }
            guard (try? socket.send([Channel.stdin] + buffer.prefix(count))) != nil else { return }
        }
        try? socket.send([Channel.close, Channel.stdin])
    }

    private func sendSize() {
        var rows: UInt16 = 0
        var columns: UInt16 = 0
        guard linux_window_size(STDOUT_FILENO, &rows, &columns) == 0 else { return }
        let text: JSONValue = ["Width": .integer(Int64(columns)), "Height": .integer(Int64(rows))]
        try? socket.send([Channel.resize] + text.serialized())
    }

    /// Sends the size again whenever the window changes. The signal is blocked and waited for (sigwait(3)), so that
    /// nothing but a thread of its own runs on it.
    private func watchSize() {
        var set = sigset_t()
        sigemptyset(&set)
        sigaddset(&set, SIGWINCH)
        pthread_sigmask(SIG_BLOCK, &set, nil)
        let session = self
        detach {
            var set = sigset_t()
            sigemptyset(&set)
            sigaddset(&set, SIGWINCH)
            var number: Int32 = 0
            while sigwait(&set, &number) == 0 { session.sendSize() }
        }
    }

    /// Starts a thread that the process does not wait for.
    private func detach(_ body: @escaping @Sendable () -> Void) { try? Thread.detach(body) }
}

/// Has the terminal pass on every key as it is typed, and puts it back as it was (termios(3)).
private struct RawTerminal {
    private var before = termios()

    /// Nil when standard input is no terminal.
    init?() {
        guard tcgetattr(STDIN_FILENO, &before) == 0 else { return nil }
        var raw = before
        cfmakeraw(&raw)
        tcsetattr(STDIN_FILENO, TCSADRAIN, &raw)
    }

    func restore() {
        var before = before
        tcsetattr(STDIN_FILENO, TCSADRAIN, &before)
    }
}
