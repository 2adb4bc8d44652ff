import HTTP
import Model
import Store
import Synchronization
import Wire

/// Writes every watch's stream, on one thread of its own: the store's thread only queues.
final class WatchHub: Sendable {
    private struct Watchers {
        var all: [ObjectIdentifier: Watcher] = [:]
        var ready: [Watcher] = []
        var hasThread = false
        var isStopped = false
    }

    let encoder: ObjectEncoder
    let clock: @Sendable () -> Timestamp
    private let watchers = Mutex(Watchers())
    private let alarm = Alarm()

    init(encoder: ObjectEncoder, clock: @escaping @Sendable () -> Timestamp) {
        self.encoder = encoder
        self.clock = clock
    }

    /// How many watches are open.
    var count: Int { watchers.withLock { $0.all.count } }

    /// Takes a watch on; false when the hub was stopped or no thread can be had.
    func add(_ watcher: Watcher) -> Bool {
        let isTaken = watchers.withLock { watchers in
            guard !watchers.isStopped else { return false }
            if !watchers.hasThread {
                watchers.hasThread = Thread.start { [self] in run() }
                guard watchers.hasThread else { return false }
            }
            watchers.all[ObjectIdentifier(watcher)] = watcher
            watchers.ready.append(watcher)
            return true
        }
        alarm.ring()
        return isTaken
    }

    /// Has a watch's queue written out.
    func wake(_ watcher: Watcher) {
        watchers.withLock { $0.ready.append(watcher) }
        alarm.ring()
    }

    /// Ends every watch, and the thread.
    func stop() {
        watchers.withLock { $0.isStopped = true }
        alarm.ring()
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
            let deadline = serveDeadlines()
            alarm.sleep(until: deadline)
        }
        for watcher in watchers.withLock({ Array($0.all.values) }) { watcher.end() }
    }

    /// Sends what is due by the clock and returns when to look again.
    private func serveDeadlines() -> Int64? {
        let now = Alarm.now
        var next: Int64?
        for watcher in watchers.withLock({ Array($0.all.values) }) {
            guard let due = watcher.serveDeadline(now: now) else { continue }
            next = min(next ?? due, due)
        }
        return next
    }
}
