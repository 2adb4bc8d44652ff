import Model
import Synchronization
import Threads

@testable import Store

/// A watcher that remembers what it was told.
final class Recorder: Sendable {
    private let told = Mutex<[WatchDelivery]>([])
    private let inside = Atomic(0)
    private let overlapped = Atomic(false)
    private let news = Semaphore()

    /// The callee.
    @Sendable func deliver(_ delivery: WatchDelivery) {
        if inside.add(1, ordering: .sequentiallyConsistent).newValue > 1 {
            overlapped.store(true, ordering: .sequentiallyConsistent)
        }
        told.withLock { $0.append(delivery) }
        inside.subtract(1, ordering: .sequentiallyConsistent)
        news.signal()
    }

    /// Whether two deliveries were made at once.
    var hasOverlap: Bool { overlapped.load(ordering: .sequentiallyConsistent) }

    var deliveries: [WatchDelivery] { told.withLock { $0 } }

    /// The events of each delivery that had some.
    var batches: [[StoreEvent]] {
        deliveries.compactMap { if case .events(let events) = $0 { events } else { nil } }
    }

    var events: [StoreEvent] { batches.flatMap { $0 } }

    /// The revision up to which everything was told.
    var revision: StoreRevision {
        deliveries.compactMap { delivery -> StoreRevision? in
            switch delivery {
            case .events(let events): events.last?.object.revision
            case .progress(let revision): revision
            case .ended: nil
            }
        }.max() ?? 0
    }

    var end: StoreError? {
        deliveries.compactMap { if case .ended(let error) = $0 { error } else { nil } }.last
    }

    /// Waits until everything up to a revision was told.
    func wait(for revision: StoreRevision) { wait { $0.revision >= revision } }

    /// Waits for a condition, which is looked at after each delivery.
    func wait(until holds: (Recorder) -> Bool) {
        while !holds(self) { news.wait() }
    }
}
