import HTTP
import Model
import Store
import Synchronization
import Threads
import Wire

/// Writes every watch's stream, on one thread of its own: the store's thread only queues.
final class WatchHub: Sendable {
    private struct Watchers {
        var all: [ObjectIdentifier: Watcher] = [:]
        var ready: [Watcher] = []
        var hasThread = false
        var isStopped = false
        /// When the next bookmark or end is due; nil when no watch is open.
        var nextDeadline: TimeSpan?

        mutating func expect(_ deadline: TimeSpan) { nextDeadline = min(nextDeadline ?? deadline, deadline) }
    }

    let encoder: ObjectEncoder
    let clock: @Sendable () -> Timestamp
    let monotonic: @Sendable () -> TimeSpan
    private let watchers = Mutex(Watchers())
    private let signal = WakeSignal()

    init(
        encoder: ObjectEncoder, clock: @escaping @Sendable () -> Timestamp,
        monotonic: @escaping @Sendable () -> TimeSpan
    ) {
        self.encoder = encoder
        self.clock = clock
        self.monotonic = monotonic
    }

    /// How many watches are open.
    var count: Int { watchers.withLock { $0.all.count } }

    /// Takes a watch on; false when the hub was stopped or no thread can be had.
    func add(_ watcher: Watcher) -> Bool {
        let isTaken = watchers.withLock { watchers in
            guard !watchers.isStopped else { return false }
            if !watchers.hasThread {
                watchers.hasThread = startThread()
                guard watchers.hasThread else { return false }
            }
            watchers.all[ObjectIdentifier(watcher)] = watcher
            watchers.ready.append(watcher)
            watchers.expect(watcher.nextDeadline)
            return true
        }
        signal.raise()
        return isTaken
    }

    private func startThread() -> Bool {
        do throws(ThreadError) {
            try Thread.detach { [self] in run() }
            return true
        } catch {
            return false
        }
    }

    /// Has a watch's queue written out.
    func wake(_ watcher: Watcher) {
        watchers.withLock { if !$0.isStopped { $0.ready.append(watcher) } }
        signal.raise()
    }

    /// Ends every watch, and the thread.
    func stop() {
        watchers.withLock { $0.isStopped = true }
        signal.raise()
    }

    /// Forgets a watch that has ended.
    func remove(_ watcher: Watcher) {
        watchers.withLock { $0.all[ObjectIdentifier(watcher)] = nil }
    }

    private func run() {
        while true {
            let (ready, isStopped) = watchers.withLock { watchers in
                defer { watchers.ready = [] }
                return (watchers.ready, watchers.isStopped)
            }
            if isStopped { break }
            for watcher in ready { watcher.write() }
            signal.wait(atMost: serveDeadlines())
        }
        for watcher in watchers.withLock({ Array($0.all.values) }) { watcher.end() }
    }

    /// Sends what is due by the clock and returns how long it is until there is something to send again.
    private func serveDeadlines() -> TimeSpan? {
        let now = monotonic()
        // Watches that come while these are served bring their own deadline.
        let due = watchers.withLock { watchers -> [Watcher] in
            guard let deadline = watchers.nextDeadline, deadline <= now else { return [] }
            watchers.nextDeadline = nil
            return Array(watchers.all.values)
        }
        for watcher in due {
            guard let next = watcher.serveDeadline(now: now) else { continue }
            watchers.withLock { $0.expect(next) }
        }
        return watchers.withLock { $0.nextDeadline }.map { $0 - now }
    }
}
