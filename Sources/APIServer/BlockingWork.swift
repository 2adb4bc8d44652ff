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

    /// A place among those that may run at a time. It is free again when nobody holds it any more, also where the work
    /// never began.
    final class Place: Sendable {
        private let work: BlockingWork
        fileprivate init(_ work: BlockingWork) { self.work = work }
        deinit { work.running.subtract(1, ordering: .relaxed) }
    }

    /// A place for work that has its own thread already; nil when there is too much.
    func enter() -> Place? {
        guard !isStopped else { return nil }
        let count = running.add(1, ordering: .relaxed).newValue
        let place = Place(self)
        return count <= limit ? place : nil
    }

    /// Starts work; false when there is too much of it already.
    func start(_ work: @escaping @Sendable () -> Void) -> Bool {
        guard let place = enter() else { return false }
        do throws(ThreadError) {
            try Thread.detach { withExtendedLifetime(place) { work() } }
            return true
        } catch {
            return false
        }
    }
}
