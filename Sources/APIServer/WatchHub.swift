import HTTP
import Model
import Store
import Synchronization
import Threads
import Wire

/// How watches are served.
public struct WatchServing: Sendable, Buildable {
    /// Whether a thread of the server's own writes them; else whoever made the server calls `serveWatches`.
    public var hasOwnThread = true
    /// Called, from any thread, when there is something to write and no thread of the server's own does it.
    public var wake: @Sendable () -> Void = {}
    /// How many events may wait for a watch before it is cut off: its client lists again.
    public var maximumQueued = 20_000
    /// How many bytes may wait for a watch's client; the rest stays in the queue, where it costs less because objects
    /// are shared.
    public var backlogMark = 1 << 20

    /// The usual ways.
    public init() {}
}

/// Writes every watch's stream, on one thread of its own: the store's thread only queues.
final class WatchHub: Sendable {
    private struct Watchers {
        /// In the order in which they came.
        var all: [Watcher] = []
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
    let serving: WatchServing
    private let watchers = Mutex(Watchers())
    private let signal = WakeSignal()

    init(
        encoder: ObjectEncoder, clock: @escaping @Sendable () -> Timestamp,
        monotonic: @escaping @Sendable () -> TimeSpan, serving: WatchServing = WatchServing()
    ) {
        self.encoder = encoder
        self.clock = clock
        self.monotonic = monotonic
        self.serving = serving
    }

    /// How many watches are open.
    var count: Int { watchers.withLock { $0.all.count } }

    /// The most changes that wait for any one watch.
    var longestQueue: Int { watchers.withLock { $0.all }.reduce(0) { max($0, $1.queued) } }

    /// Takes a watch on; false when the hub was stopped or no thread can be had.
    func add(_ watcher: Watcher) -> Bool {
        let isTaken = watchers.withLock { watchers in
            guard !watchers.isStopped else { return false }
            if !watchers.hasThread, serving.hasOwnThread {
                watchers.hasThread = startThread()
                guard watchers.hasThread else { return false }
            }
            watchers.all.append(watcher)
            watchers.ready.append(watcher)
            watchers.expect(watcher.nextDeadline)
            return true
        }
        notify()
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
        notify()
    }

    /// Ends every watch, and the thread.
    func stop() {
        watchers.withLock { $0.isStopped = true }
        notify()
    }

    private func notify() { if serving.hasOwnThread { signal.raise() } else { serving.wake() } }

    /// Forgets a watch that has ended.
    func remove(_ watcher: Watcher) {
        watchers.withLock { $0.all.removeAll { $0 === watcher } }
    }

    private func run() {
        while !watchers.withLock({ $0.isStopped }) { signal.wait(atMost: serve()) }
        serve()
    }

    /// Writes what is ready and what is due; once the hub is stopped, ends every watch.
    ///
    /// - Returns: how long it is until something is due again.
    @discardableResult func serve() -> TimeSpan? {
        let (ready, isStopped) = watchers.withLock { watchers in
            defer { watchers.ready = [] }
            return (watchers.ready, watchers.isStopped)
        }
        guard !isStopped else {
            for watcher in watchers.withLock({ $0.all }) { watcher.end() }
            return nil
        }
        for watcher in ready { watcher.write() }
        return serveDeadlines()
    }

    /// Sends what is due by the clock and returns how long it is until there is something to send again.
    private func serveDeadlines() -> TimeSpan? {
        let now = monotonic()
        // Watches that come while these are served bring their own deadline.
        let due = watchers.withLock { watchers -> [Watcher] in
            guard let deadline = watchers.nextDeadline, deadline <= now else { return [] }
            watchers.nextDeadline = nil
            return watchers.all
        }
        for watcher in due {
            guard let next = watcher.serveDeadline(now: now) else { continue }
            watchers.withLock { $0.expect(next) }
        }
        return watchers.withLock { $0.nextDeadline }.map { $0 - now }
    }
}
