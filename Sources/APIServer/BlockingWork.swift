import Synchronization
import Threads

/// Runs work that waits for something, each on a thread of its own, up to a number of threads.
final class BlockingWork: Sendable {
    private let limit: Int
    private let running = Atomic<Int>(0)
    private let stopped = Atomic<Bool>(false)

    init(limit: Int) { self.limit = limit }

    /// Whether running work should come to an end.
    var isStopped: Bool { stopped.load(ordering: .acquiring) }

    /// Asks running work to end and refuses further work.
    func stop() { stopped.store(true, ordering: .releasing) }

    /// Counts work that has its own thread already; false when there is too much. Ends with `leave`.
    func enter() -> Bool {
        guard !isStopped else { return false }
        guard running.add(1, ordering: .relaxed).newValue <= limit else {
            leave()
            return false
        }
        return true
    }

    /// Work that entered has ended.
    func leave() { running.subtract(1, ordering: .relaxed) }

    /// Starts work; false when there is too much of it already.
    func start(_ work: @escaping @Sendable () -> Void) -> Bool {
        guard enter() else { return false }
        do throws(ThreadError) {
            try Thread.detach { [self] in
                work()
                leave()
            }
            return true
        } catch {
            leave()
            return false
        }
    }
}
