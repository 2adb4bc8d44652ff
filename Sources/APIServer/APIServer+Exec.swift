import Glibc
import HTTP
import Model
import Threads
import Wire

extension APIServer {
    /// `GET` of a pod's exec: a WebSocket that speaks `v5.channel.k8s.io`.
    func exec(_ path: ResourcePath, _ exchange: Exchange) throws(APIStatus) {
        let request = exchange.request
        let target = try PodTarget(self, path, container: request.parameter("container"))
        try target.checkRuns()
        let bridge = try target.bridge(self)
        let command = request.query.filter { $0.name == "command" }.map(\.value)
        guard !command.isEmpty else { throw .badRequest("the command parameter is missing") }
        var wanted = PodExecRequest(podUID: target.uid, container: target.container, command: command)
        wanted.stdin = Self.flag(request, "stdin")
        wanted.terminal = Self.flag(request, "tty")
        let acceptance = try handshake(request)
        guard let place = blocking.enter() else { throw .tooManyRequests("too many logs and commands are open") }
        exchange.count(101)
        exchange.responder.upgrade(headers: acceptance.headers) { [place, wanted] descriptor, early in
            withExtendedLifetime(place) {
                let connection = WebSocketConnection(descriptor: descriptor, role: .server, early: early)
                connection.send(Self.run(wanted, bridge, connection))
                connection.finish()
            }
        }
    }

    /// Runs the command to its end and returns the last message to the client.
    private static func run(
        _ request: PodExecRequest, _ bridge: any NodeBridge, _ connection: WebSocketConnection
    ) -> [UInt8] {
        let opened = MachineClock.monotonic
        do throws(NodeBridgeError) {
            return ExecChannel.ended(
                exitCode: try bridge.exec(request) { WebSocketExecChannel(connection, opened: opened) })
        } catch {
            return ExecChannel.failed(error.message)
        }
    }

    private func handshake(_ request: HTTPRequest) throws(APIStatus) -> WebSocketHandshake.Acceptance {
        guard WebSocketHandshake.isRequested(by: request.headers) else {
            throw .badRequest(
                "exec is served over WebSockets: use kubectl 1.30 or newer, an older one asks for SPDY")
        }
        do throws(WebSocketHandshake.Refusal) {
            // Version 4 has the same messages, but for the end of standard input.
            return try WebSocketHandshake.answer(
                to: request.headers, subprotocols: [ExecChannel.subprotocol, "v4.channel.k8s.io"])
        } catch {
            throw .badRequest(error.message)
        }
    }

    static func flag(_ request: HTTPRequest, _ name: String) -> Bool {
        ["true", "1"].contains(request.parameter(name) ?? "")
    }
}

/// The client's side of a command, over its WebSocket.
private final class WebSocketExecChannel: PodExecChannel {
    /// How long after the handshake the first output is sent at the earliest. kubectl reads before it has registered its
    /// channels, and drops what comes in between ("Unknown stream id"; client-go, `readDemuxLoop`).
    private static let grace = TimeSpan.milliseconds(20)

    private let connection: WebSocketConnection
    private let opened: TimeSpan

    init(_ connection: WebSocketConnection, opened: TimeSpan) {
        self.connection = connection
        self.opened = opened
    }

    func receive() -> PodExecInput? {
        while let message = connection.receive() {
            // What is on no known channel is no news.
            if let input = PodExecInput(message: message) { return input }
        }
        return nil
    }

    func send(stdout bytes: [UInt8]) -> Bool { send(ExecChannel.stdout.message(bytes)) }
    func send(stderr bytes: [UInt8]) -> Bool { send(ExecChannel.stderr.message(bytes)) }

    private func send(_ message: [UInt8]) -> Bool {
        let early = opened + Self.grace - MachineClock.monotonic
        if early > .zero { usleep(UInt32(clamping: early.nanoseconds / 1000)) }
        return connection.send(message)
    }
}
