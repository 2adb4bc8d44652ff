import HTTP
import Model

/// Takes the answer to a request that is made without a socket.
///
/// `@unchecked Sendable`: a simulation has one thread.
final class DirectResponder: HTTPResponder, @unchecked Sendable {
    private(set) var answer: APIAnswer?
    private let openStream: WatchStream?

    init(stream: WatchStream? = nil) { openStream = stream }

    func respond(status: Int, headers: [(name: String, value: String)], body: [UInt8]) {
        answer = answer ?? APIAnswer(status: status, body: body)
    }

    func stream(status: Int, headers: [(name: String, value: String)]) -> any HTTPStream {
        guard let openStream else { preconditionFailure("only watches are streamed here") }
        return openStream
    }

    func upgrade(
        headers: [(name: String, value: String)], _ handler: @escaping @Sendable (Int32, [UInt8]) -> Void
    ) {}
}

/// The connection of one watch: what the server writes arrives in order, some time later; a slow reader leaves it lying.
///
/// `@unchecked Sendable`: a simulation has one thread.
final class WatchStream: HTTPStream, @unchecked Sendable {
    /// What reaches the client.
    enum Arrival {
        case message([UInt8])
        /// The server ended the stream, or the connection broke.
        case end
    }

    private unowned let world: World
    private let receive: (Arrival) -> Void
    private var queue: [[UInt8]] = []
    private(set) var backlogBytes = 0
    private var hasEnded = false
    private var isClosed = false
    private var isSilent = false
    private var isMoving = false
    private var waiting: [(mark: Int, handler: @Sendable () -> Void)] = []
    private var onCloseHandler: (@Sendable () -> Void)?
    /// How long the client takes for each message; nil for one that takes all at once.
    private let pace: TimeSpan?
    private let lane: String

    /// Opens a connection.
    ///
    /// - Parameters:
    ///   - lane: the stream of chance that decides how it fares.
    ///   - pace: how long the client takes for each message.
    ///   - receive: takes what arrives.
    init(_ world: World, lane: String, pace: TimeSpan?, receive: @escaping (Arrival) -> Void) {
        self.world = world
        self.lane = lane
        self.pace = pace
        self.receive = receive
        chance(.watchBreak) { [weak self] in self?.breakOff() }
        chance(.watchSilence) { [weak self] in
            guard let self, !isClosed else { return }
            isSilent = true
            self.world.after(.seconds(60)) { [weak self] in self?.breakOff() }
        }
    }

    private func chance(_ kind: FaultKind, _ body: @escaping () -> Void) {
        let mean = world.strength(kind)
        guard mean > 0 else { return }
        world.after(world.draw(lane) { $0.span(mean: .seconds(Int64(mean))) }) { [unowned world] in
            if world.isFaulty { body() }
        }
    }

    /// Whether nothing will come any more.
    var isOver: Bool { isClosed }

    func write(_ bytes: [UInt8]) -> Bool {
        guard !isClosed, !hasEnded else { return false }
        if world.sabotage == .lossyWatches, world.draw(lane, { $0.below(20) == 0 }) { return true }
        queue.append(bytes)
        backlogBytes += bytes.count
        move()
        return true
    }

    func finish() {
        guard !hasEnded else { return }
        hasEnded = true
        move()
    }

    func whenRoom(below mark: Int, _ handler: @escaping @Sendable () -> Void) {
        if isClosed || backlogBytes < mark { return handler() }
        waiting.append((mark, handler))
    }

    func waitForRoom(below mark: Int) -> Bool { preconditionFailure("nobody may wait in a simulation") }

    func onClose(_ handler: @escaping @Sendable () -> Void) {
        if isClosed { handler() } else { onCloseHandler = handler }
    }

    /// Has the next message arrive.
    private func move() {
        guard !isMoving, !isClosed, !isSilent, !queue.isEmpty || hasEnded else { return }
        isMoving = true
        let delay = world.strength(.delay)
        let transit = delay > 0 ? world.draw(lane) { $0.span(.zero...(.milliseconds(Int64(delay)))) } : .milliseconds(1)
        world.after(max(pace ?? .zero, transit)) { [weak self] in
            guard let self, !isClosed else { return }
            isMoving = false
            guard !isSilent else { return }
            arrive()
        }
    }

    private func arrive() {
        // What has gathered arrives together, except at a slow reader.
        let count = pace == nil ? queue.count : min(1, queue.count)
        let messages = queue.prefix(count)
        queue.removeFirst(count)
        for message in messages {
            backlogBytes -= message.count
            // The server writes the changes of one transaction in one piece; each of them is a line.
            for line in message.split(separator: UInt8(ascii: "\n")) {
                receive(.message(Array(line)))
                if isClosed { return }
            }
        }
        let (ready, rest) = (waiting.filter { backlogBytes < $0.mark }, waiting.filter { backlogBytes >= $0.mark })
        waiting = rest
        for entry in ready { entry.handler() }
        if queue.isEmpty, hasEnded { close() } else { move() }
    }

    /// Breaks the connection: what is on its way is lost.
    func breakOff() {
        guard !isClosed else { return }
        queue = []
        close()
    }

    /// Closes the connection from the client's side.
    func abandon() {
        guard !isClosed else { return }
        isClosed = true
        tellServer()
    }

    private func close() {
        isClosed = true
        tellServer()
        let receive = receive
        world.after(.milliseconds(1)) { receive(.end) }
    }

    private func tellServer() {
        let handlers = waiting
        waiting = []
        let handler = onCloseHandler
        onCloseHandler = nil
        handler?()
        for entry in handlers { entry.handler() }
    }
}
