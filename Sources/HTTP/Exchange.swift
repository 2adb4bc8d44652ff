internal import CMicroHTTPD
import Synchronization

/// What a responder was told to answer.
enum Answer: Sendable {
    case whole(status: Int, headers: [(name: String, value: String)], body: [UInt8])
    case stream(status: Int, headers: [(name: String, value: String)], StreamBody)
    case upgrade(UpgradedConnection)

    /// A short answer in plain text, for what never reaches the handler.
    static func refusal(_ status: Int, _ message: String) -> Answer {
        .whole(
            status: status, headers: [("Content-Type", "text/plain; charset=utf-8")], body: Array("\(message)\n".utf8))
    }
}

/// One request on its way to one answer.
///
/// The connection's thread receives the request and calls the handler. If the answer is there when the handler
/// returns, it is sent; if not, the connection is suspended until somebody answers, and the thread is then called
/// again to send it. One lock decides between the two, so an answer can neither be lost nor sent twice.
final class Exchange: Sendable {
    private enum Phase { case receiving, handling, suspended, answered, ended }

    private struct State {
        var phase = Phase.receiving
        var began = false
        var body: [UInt8] = []
        /// How many bytes of the body arrived, kept or not.
        var received = 0
        /// Whether there was no memory left for the body.
        var isCrowdedOut = false
        var answer: Answer?
        var hasAnswer = false
        /// What lives on after the answer was queued.
        var stream: StreamBody?
        var isUpgraded = false
    }

    let target: String
    private let connection: ConnectionHandle
    private let registry: LiveRegistry
    private let memory: BodyMemory
    private let state = Mutex(State())

    init(target: String, connection: ConnectionHandle, registry: LiveRegistry, memory: BodyMemory) {
        self.target = target
        self.connection = connection
        self.registry = registry
        self.memory = memory
    }

    /// Whether this is the first call for the request; true once.
    func begin() -> Bool {
        state.withLock { state in
            defer { state.began = true }
            return !state.began
        }
    }

    /// Keeps a part of the body. What goes beyond the limit is counted and dropped: a client that is still sending
    /// does not read the refusal yet.
    ///
    /// - Returns: false when so much came that waiting for the rest is pointless.
    func receive(_ bytes: UnsafeRawBufferPointer, limit: Int) -> Bool {
        state.withLock { state in
            state.received += bytes.count
            if state.received <= limit, !state.isCrowdedOut, memory.take(bytes.count) {
                state.body.append(contentsOf: bytes)
            } else {
                if state.received <= limit { state.isCrowdedOut = true }
                dropBody(&state)
            }
            return state.received <= limit * 16
        }
    }

    private func dropBody(_ state: inout State) {
        memory.give(back: state.body.count)
        state.body = []
    }

    /// What became of a request's body.
    enum Body {
        case whole([UInt8])
        case tooLong
        /// The bodies of other requests took the memory there is for them.
        case crowdedOut
    }

    /// Takes the body, once, when the request is complete; nil when the handler was called already.
    func takeBody(limit: Int) -> Body? {
        state.withLock { state -> Body? in
            guard state.phase == .receiving else { return nil }
            state.phase = .handling
            guard state.received <= limit else { return .tooLong }
            guard !state.isCrowdedOut else { return .crowdedOut }
            defer { dropBody(&state) }
            return .whole(state.body)
        }
    }

    /// Takes the answer if there is one; otherwise suspends the connection until `answer` is called.
    func takeAnswerOrSuspend() -> Answer? {
        state.withLock { state in
            if state.answer == nil {
                if registry.enter(self) {
                    state.phase = .suspended
                    connection.suspend()
                    return nil
                }
                state.hasAnswer = true
                state.answer = .refusal(503, "the server is stopping")
            }
            defer { state.answer = nil }
            state.phase = .answered
            if case .stream(_, _, let body) = state.answer { state.stream = body }
            if case .upgrade = state.answer { state.isUpgraded = true }
            return state.answer
        }
    }

    /// Answers from any thread.
    ///
    /// - Returns: false when there is an answer already, or the client is gone.
    @discardableResult
    func answer(_ answer: Answer) -> Bool {
        state.withLock { state in
            guard !state.hasAnswer, state.phase != .ended else { return false }
            state.hasAnswer = true
            state.answer = answer
            if state.phase == .suspended {
                state.phase = .handling
                registry.leave(self)
                connection.resume()
            }
            return true
        }
    }

    /// Whether another protocol has taken over after 101.
    var isUpgraded: Bool { state.withLock { $0.isUpgraded } }

    /// The answer was sent, or the client is gone. Nothing touches the connection afterwards.
    func end() {
        let (stream, unused) = state.withLock { state in
            state.phase = .ended
            dropBody(&state)
            defer {
                state.answer = nil
                state.stream = nil
            }
            return (state.stream, state.answer)
        }
        registry.leave(self)
        stream?.end()
        if case .stream(_, _, let body) = unused { body.end() }
    }
}

extension Exchange: Interruptible {
    func interrupt() { answer(.refusal(503, "the server is stopping")) }
}
