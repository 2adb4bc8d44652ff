/// Answers one request; a responder that is let go without an answer answers 500, so that no client waits for ever.
final class Responder: HTTPResponder {
    private let exchange: Exchange
    private let core: ServerCore

    init(_ exchange: Exchange, _ core: ServerCore) {
        self.exchange = exchange
        self.core = core
    }

    deinit { exchange.answer(.refusal(500, "the request was left without an answer")) }

    func respond(status: Int, headers: [(name: String, value: String)], body: [UInt8]) {
        exchange.answer(.whole(status: status, headers: headers, body: body))
    }

    func stream(status: Int, headers: [(name: String, value: String)]) -> any HTTPStream {
        let body = StreamBody(
            limit: core.config.maximumStreamBacklogBytes, registry: core.registry, hangups: core.hangups)
        if !exchange.answer(.stream(status: status, headers: headers, body)) { body.end() }
        return ResponseStream(body)
    }

    func upgrade(
        headers: [(name: String, value: String)],
        _ handler: @escaping @Sendable (_ descriptor: Int32, _ early: [UInt8]) -> Void
    ) {
        exchange.answer(.upgrade(UpgradedConnection(registry: core.registry, headers: headers, handler)))
    }
}
