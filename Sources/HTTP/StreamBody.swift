internal import Glibc
import Synchronization
internal import Threads

/// The queue between those who write an answer of unknown length and the connection's thread that sends it.
///
/// While the queue is empty the connection is suspended, so a quiet stream costs nothing; a watch on the socket tells
/// when the client hangs up meanwhile.
final class StreamBody: Sendable {
    private struct State {
        var connection: ConnectionHandle?
        var ticket: HangupWatch.Ticket?
        var chunks: [[UInt8]] = []
        /// How much of the first chunk is sent.
        var offset = 0
        var backlog = 0
        var isSuspended = false
        var isFinished = false
        /// The client hung up, left too much unread, or the server stops.
        var isCutOff = false
        var hasEnded = false
        var onClose: [@Sendable () -> Void] = []
        var waiters: [Waiter] = []
    }

    /// Somebody who goes on when the queue is shorter than a mark.
    private struct Waiter {
        var mark: Int
        var handler: @Sendable () -> Void
    }

    enum Portion: Equatable {
        case bytes(Int)
        case nothingYet, end, failure
    }

    private let limit: Int
    private let registry: LiveRegistry
    private let hangups: HangupWatch
    private let state = Mutex(State())

    init(limit: Int, registry: LiveRegistry, hangups: HangupWatch) {
        self.limit = limit
        self.registry = registry
        self.hangups = hangups
    }

    /// Gives the stream its connection; called on the connection's thread before anything is read.
    func attach(_ connection: ConnectionHandle) {
        let entered = registry.enter(self)
        state.withLock { state in
            state.connection = connection
            state.ticket = hangups.watch(connection.descriptor, self)
            if !entered { state.isCutOff = true }
        }
    }

    /// Fills a buffer with what is queued; called on the connection's thread, which suspends the connection when there
    /// is nothing yet.
    func read(into buffer: UnsafeMutableRawBufferPointer) -> Portion {
        let (portion, served) = state.withLock { state -> (Portion, [Waiter]) in
            guard !state.isCutOff, let connection = state.connection else { return (.failure, []) }
            guard state.backlog > 0 else {
                if state.isFinished { return (.end, []) }
                state.isSuspended = true
                connection.suspend()
                return (.nothingYet, [])
            }
            let count = StreamBody.take(&state, into: buffer)
            return (.bytes(count), StreamBody.takeServed(&state))
        }
        for waiter in served { waiter.handler() }
        return portion
    }

    private static func takeServed(_ state: inout State) -> [Waiter] {
        guard !state.waiters.isEmpty else { return [] }
        let backlog = state.backlog
        let served = state.waiters.filter { backlog < $0.mark }
        state.waiters.removeAll { backlog < $0.mark }
        return served
    }

    private static func take(_ state: inout State, into buffer: UnsafeMutableRawBufferPointer) -> Int {
        var filled = 0
        var used = 0
        while filled < buffer.count, used < state.chunks.count {
            let chunk = state.chunks[used]
            let count = min(chunk.count - state.offset, buffer.count - filled)
            let part = chunk[state.offset..<state.offset + count]
            UnsafeMutableRawBufferPointer(rebasing: buffer[filled..<filled + count]).copyBytes(from: part)
            filled += count
            state.offset += count
            if state.offset == chunk.count {
                used += 1
                state.offset = 0
            }
        }
        state.chunks.removeFirst(used)
        state.backlog -= filled
        return filled
    }

    func write(_ bytes: [UInt8]) -> Bool {
        state.withLock { state in
            guard !state.isCutOff, !state.hasEnded, !state.isFinished else { return false }
            guard !bytes.isEmpty else { return true }
            guard state.backlog + bytes.count <= limit else {
                StreamBody.cutOff(&state)
                return false
            }
            state.chunks.append(bytes)
            state.backlog += bytes.count
            StreamBody.resume(&state)
            return true
        }
    }

    /// How many bytes are queued.
    var backlog: Int { state.withLock { $0.backlog } }

    /// Has a callback called once: when fewer bytes are queued than a mark, or the stream has ended. At once if that is
    /// so already.
    func whenRoom(below mark: Int, _ handler: @escaping @Sendable () -> Void) {
        let isServed = state.withLock { state in
            if state.hasEnded || state.backlog < mark { return true }
            state.waiters.append(Waiter(mark: mark, handler: handler))
            return false
        }
        if isServed { handler() }
    }

    func waitForRoom(below mark: Int) -> Bool {
        if state.withLock({ !$0.hasEnded && $0.backlog >= mark }) {
            let room = Semaphore()
            whenRoom(below: mark) { room.signal() }
            room.wait()
        }
        return state.withLock { !$0.isCutOff && !$0.hasEnded }
    }

    func finish() {
        state.withLock { state in
            state.isFinished = true
            StreamBody.resume(&state)
        }
    }

    /// Breaks the connection off: the client sees that the body is not complete.
    func abort() { state.withLock { if !$0.isFinished { StreamBody.cutOff(&$0) } } }

    func onClose(_ handler: @escaping @Sendable () -> Void) {
        let hasEnded = state.withLock { state in
            if !state.hasEnded { state.onClose.append(handler) }
            return state.hasEnded
        }
        if hasEnded { handler() }
    }

    /// The connection is gone or free for its next request; called on its thread while the socket is still open.
    func end() {
        let (ticket, handlers) = state.withLock { state -> (HangupWatch.Ticket?, [@Sendable () -> Void]) in
            defer {
                state.connection = nil
                state.ticket = nil
                state.chunks = []
                state.backlog = 0
                state.hasEnded = true
                state.onClose = []
                state.waiters = []
            }
            return (state.ticket, state.onClose + state.waiters.map(\.handler))
        }
        registry.leave(self)
        if let ticket { hangups.forget(ticket) }
        for handler in handlers { handler() }
    }

    private static func resume(_ state: inout State) {
        guard state.isSuspended, let connection = state.connection else { return }
        state.isSuspended = false
        connection.resume()
    }

    private static func cutOff(_ state: inout State) {
        state.isCutOff = true
        state.chunks = []
        state.backlog = 0
        state.offset = 0
        // A thread that waits until the socket takes more would wait for as long as the client does not read.
        if let connection = state.connection { shutdown(connection.descriptor, Int32(SHUT_RDWR)) }
        resume(&state)
    }
}

extension StreamBody: Interruptible {
    func interrupt() { state.withLock { StreamBody.cutOff(&$0) } }
}

/// The stream as its writer holds it: letting go of it without finishing breaks the connection off, so that no client
/// waits for what nobody will write.
final class ResponseStream: HTTPStream {
    private let body: StreamBody

    init(_ body: StreamBody) { self.body = body }

    deinit { body.abort() }

    func write(_ bytes: [UInt8]) -> Bool { body.write(bytes) }
    var backlogBytes: Int { body.backlog }
    func whenRoom(below mark: Int, _ handler: @escaping @Sendable () -> Void) {
        body.whenRoom(below: mark, handler)
    }
    func waitForRoom(below mark: Int) -> Bool { body.waitForRoom(below: mark) }
    func finish() { body.finish() }
    func onClose(_ handler: @escaping @Sendable () -> Void) { body.onClose(handler) }
}
