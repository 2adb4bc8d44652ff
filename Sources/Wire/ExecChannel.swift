import Model

/// The messages of `v5.channel.k8s.io`, by which `exec` speaks over a WebSocket: one byte that names a channel, then
/// that channel's data.
public enum ExecChannel: UInt8, Sendable {
    case stdin = 0
    case stdout = 1
    case stderr = 2
    case error = 3
    case resize = 4
    /// Half-closes the channel that its one byte of data names.
    case close = 255

    /// The subprotocol's name in the handshake.
    public static let subprotocol = "v5.channel.k8s.io"

    /// A message of the channel.
    public func message(_ bytes: some Sequence<UInt8>) -> [UInt8] { [rawValue] + bytes }

    /// What a client sends at the end of its standard input.
    public static var endOfStdin: [UInt8] { [ExecChannel.close.rawValue, ExecChannel.stdin.rawValue] }

    /// What a client sends when its terminal has another size.
    public static func resize(rows: UInt16, columns: UInt16) -> [UInt8] {
        ExecChannel.resize.message(#"{"Width":\#(columns),"Height":\#(rows)}"#.utf8)
    }

    /// What a server sends last: how the command ended.
    public static func ended(exitCode: Int) -> [UInt8] {
        guard exitCode != 0 else { return ExecChannel.error.message(status(["status": "Success"])) }
        let cause: JSONValue = ["reason": "ExitCode", "message": .string(String(exitCode))]
        return ExecChannel.error.message(
            status([
                "status": "Failure", "reason": "NonZeroExitCode",
                "message": "command terminated with exit code \(exitCode)", "details": ["causes": [cause]],
            ]))
    }

    /// What a server sends last when the command could not be run to its end.
    public static func failed(_ message: String) -> [UInt8] {
        ExecChannel.error.message(
            status(["status": "Failure", "reason": "InternalError", "message": .string(message), "code": 500]))
    }

    private static func status(_ members: JSONValue) -> [UInt8] {
        var status: JSONValue = ["kind": "Status", "apiVersion": "v1", "metadata": [:]]
        for member in members.object?.members ?? [] { status[member.name] = member.value }
        return status.serialized()
    }
}

extension PodExecInput {
    /// What a client's message means; nil for what a server ignores: data of no known channel, an unreadable size.
    public init?(message: [UInt8]) {
        guard let first = message.first, let channel = ExecChannel(rawValue: first) else { return nil }
        let data = message.dropFirst()
        switch channel {
        case .stdin: self = .stdin(Array(data))
        case .close where data.elementsEqual([ExecChannel.stdin.rawValue]): self = .endOfStdin
        case .resize:
            guard let size = try? JSONValue(parsing: data), let rows = size["Height"]?.integer,
                let columns = size["Width"]?.integer, let rows = UInt16(exactly: rows),
                let columns = UInt16(exactly: columns)
            else { return nil }
            self = .resize(rows: rows, columns: columns)
        default: return nil
        }
    }
}

/// What a server of `exec` sends.
public enum PodExecOutput: Sendable, Equatable {
    case stdout([UInt8])
    case stderr([UInt8])
    /// The command has ended.
    case ended(exitCode: Int)
    /// The command could not be run to its end.
    case failed(String)

    /// What a server's message means; nil for what a client ignores.
    public init?(message: [UInt8]) {
        guard let first = message.first, let channel = ExecChannel(rawValue: first) else { return nil }
        let data = message.dropFirst()
        switch channel {
        case .stdout: self = .stdout(Array(data))
        case .stderr: self = .stderr(Array(data))
        case .error: self.init(status: data)
        default: return nil
        }
    }

    private init(status data: ArraySlice<UInt8>) {
        guard let status = try? JSONValue(parsing: data) else {
            self = .failed("the server's last word cannot be understood")
            return
        }
        if status["status"]?.string == "Success" {
            self = .ended(exitCode: 0)
            return
        }
        let causes = status["details"]?["causes"]?.array ?? []
        let code = causes.first { $0["reason"]?.string == "ExitCode" }?["message"]?.string.flatMap { Int($0) }
        if let code, status["reason"]?.string == "NonZeroExitCode" {
            self = .ended(exitCode: code)
        } else {
            self = .failed(status["message"]?.string ?? "the command failed")
        }
    }
}
