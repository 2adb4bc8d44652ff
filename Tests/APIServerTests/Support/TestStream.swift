import HTTP
import Model
import Synchronization

/// A body of unknown length.
final class TestStream: HTTPStream {
    private struct Content {
        var bytes: [UInt8] = []
        var isFinished = false
        var isGone = false
        var handlers: [@Sendable () -> Void] = []
        var isPaused = false
        /// How many bytes the client had read when it paused.
        var read = 0
        /// The most that was ever unread.
        var largestBacklog = 0
        var waiters: [@Sendable () -> Void] = []

        var backlog: Int { isPaused ? bytes.count - read : 0 }
    }

    private let content = Mutex(Content())
    private let changed = Signal()

    func write(_ bytes: [UInt8]) -> Bool {
        let isOpen = content.withLock { content in
            if !content.isGone { content.bytes += bytes }
            content.largestBacklog = max(content.largestBacklog, content.backlog)
            return !content.isGone
        }
        changed.send()
        return isOpen
    }

    var backlogBytes: Int { content.withLock { $0.backlog } }

    func whenRoom(below mark: Int, _ handler: @escaping @Sendable () -> Void) {
        let isServed = content.withLock { content in
            if content.isGone || content.backlog < mark { return true }
            content.waiters.append(handler)
            return false
        }
        changed.send()
        if isServed { handler() }
    }

    func waitForRoom(below mark: Int) -> Bool {
        let room = Signal()
        whenRoom(below: mark) { room.send() }
        return room.wait() && content.withLock { !$0.isGone }
    }

    /// The client stops reading.
    func pause() {
        content.withLock { content in
            content.isPaused = true
            content.read = content.bytes.count
        }
    }

    /// Waits until somebody waits for the client to go on reading.
    func waitUntilFull() -> Bool {
        while content.withLock({ $0.waiters.isEmpty }) {
            guard changed.wait() else { return false }
        }
        return true
    }

    /// The client reads everything and goes on reading.
    func resume() {
        let waiters = content.withLock { content in
            defer { content.waiters = [] }
            content.isPaused = false
            return content.waiters
        }
        for waiter in waiters { waiter() }
    }

    /// The most that the client ever left unread, in bytes.
    var largestBacklog: Int { content.withLock { $0.largestBacklog } }

    func finish() {
        let handlers = content.withLock { content in
            defer { content.handlers = [] }
            content.isFinished = true
            return content.handlers
        }
        changed.send()
        for handler in handlers { handler() }
    }

    func onClose(_ handler: @escaping @Sendable () -> Void) { content.withLock { $0.handlers.append(handler) } }

    /// The client goes away.
    func hangUp() {
        let handlers = content.withLock { content in
            defer {
                content.handlers = []
                content.waiters = []
            }
            content.isGone = true
            return content.handlers + content.waiters
        }
        for handler in handlers { handler() }
    }

    var text: String { content.withLock { String(decoding: $0.bytes, as: UTF8.self) } }

    /// Waits until so many events of a watch have come, or the stream has ended.
    func events(_ count: Int) -> [JSONValue] {
        while true {
            let (bytes, isFinished) = content.withLock { ($0.bytes, $0.isFinished) }
            let lines = bytes.split(separator: 0x0A)
            if lines.count >= count || isFinished { return lines.compactMap { try? JSONValue(parsing: Array($0)) } }
            guard changed.wait() else { return [] }
        }
    }

    /// Waits until the stream has ended.
    func waitForEnd() -> Bool {
        while !content.withLock({ $0.isFinished }) {
            guard changed.wait() else { return false }
        }
        return true
    }
}
