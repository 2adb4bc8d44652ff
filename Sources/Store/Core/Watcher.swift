import Glibc
import Synchronization

/// One watch: a mailbox, and at most one thread at a time that empties it into the callee.
///
/// Deliveries are put into the mailbox under the store's lock, which makes their order, and taken out under none.
final class Watcher: Sendable {
    typealias Callee = @Sendable (WatchDelivery) -> Void

    let scope: StoreScope
    private let limit: Int
    private let mailbox: Mutex<Mailbox>

    private struct Mailbox: Sendable {
        var waiting: [WatchDelivery] = []
        /// How many at the front of `waiting` are taken already.
        var taken = 0
        /// How many at the front of `waiting` are replayed history, which the limit does not count.
        var replayed = 0
        /// Nil once the watch is over.
        var callee: Callee?
        /// The thread that empties the mailbox now.
        var deliverer: pthread_t?
        /// The revision up to which everything is in the mailbox or delivered.
        var told: StoreRevision
        /// Whether nothing may be put in any more: `.ended` is the last.
        var isSealed = false
        /// Those who wait for the delivery that is being made to end.
        var cancelling: [Promise<Void>] = []

        mutating func empty() {
            waiting.removeAll(keepingCapacity: waiting.count <= 16)
            taken = 0
            replayed = 0
        }
    }

    /// Makes a watcher that this thread delivers to: nothing is delivered until it calls `start`.
    init(scope: StoreScope, told: StoreRevision, limit: Int, callee: @escaping Callee) {
        self.scope = scope
        self.limit = limit
        mailbox = Mutex(Mailbox(callee: callee, deliverer: pthread_self(), told: told))
    }

    /// Delivers what happened before the watch was registered, then what came since, in this thread.
    func start(replaying commits: [StoreCommit]) {
        var replay: [WatchDelivery] = commits.compactMap(delivery)
        if let last = commits.last, delivery(last) == nil { replay.append(.progress(last.revision)) }
        mailbox.withLock { box in
            guard box.callee != nil else { return }
            box.waiting.insert(contentsOf: replay, at: 0)
            box.replayed = replay.count
        }
        deliverAll()
    }

    /// Puts the events of a commit into the mailbox, if any lie in the scope; says whether some do.
    func put(_ commit: StoreCommit, oldest: StoreRevision) -> Bool {
        guard let delivery = delivery(commit) else { return false }
        mailbox.withLock { box in
            guard !box.isSealed, box.callee != nil else { return }
            box.told = commit.revision
            box.waiting.append(delivery)
            guard box.waiting.count - max(box.taken, box.replayed) > limit else { return }
            box.isSealed = true
            box.empty()
            box.waiting.append(.ended(.expired(oldest: oldest)))
        }
        return true
    }

    /// Says that everything up to a revision was told, if that is news and at least `step` revisions of it.
    func putProgress(_ revision: StoreRevision, step: StoreRevision) -> Bool {
        mailbox.withLock { box in
            guard !box.isSealed, box.callee != nil, revision >= box.told + step else { return false }
            box.told = revision
            if box.taken < box.waiting.count, case .progress = box.waiting[box.waiting.count - 1] {
                box.waiting.removeLast()
            }
            box.waiting.append(.progress(revision))
            return true
        }
    }

    /// Puts the end into the mailbox.
    func putEnd(_ error: StoreError) {
        mailbox.withLock { box in
            guard !box.isSealed else { return }
            box.isSealed = true
            box.waiting.append(.ended(error))
        }
    }

    /// Delivers what waits, in this thread, unless another thread does already.
    func deliver() {
        let isMine = mailbox.withLock { box in
            guard box.deliverer == nil, box.taken < box.waiting.count else { return false }
            box.deliverer = pthread_self()
            return true
        }
        if isMine { deliverAll() }
    }

    /// Ends the watch.
    ///
    /// - Parameter waits: whether to wait for a delivery that another thread is making.
    func cancel(waits: Bool) {
        // The callee is released outside of the lock: what it captured may end watches as it goes.
        let (callee, current) = mailbox.withLock { box -> (Callee?, Promise<Void>?) in
            let callee = box.callee
            box.callee = nil
            box.empty()
            guard waits, let thread = box.deliverer, pthread_equal(thread, pthread_self()) == 0 else {
                return (callee, nil)
            }
            let current = Promise<Void>()
            box.cancelling.append(current)
            return (callee, current)
        }
        current?.wait()
        withExtendedLifetime(callee) {}
    }

    private func delivery(_ commit: StoreCommit) -> WatchDelivery? {
        let count = commit.events.count { scope.contains($0.object.key) }
        guard count > 0 else { return nil }
        // Most commits lie in a scope with all their events: then all watchers share one array.
        guard count < commit.events.count else { return .events(commit.events) }
        return .events(commit.events.filter { scope.contains($0.object.key) })
    }

    private func deliverAll() {
        while let (callee, delivery) = next() { callee(delivery) }
    }

    /// The delivery to make now; nil, and this thread's turn is over, when there is none.
    private func next() -> (Callee, WatchDelivery)? {
        mailbox.withLock { box in
            for promise in box.cancelling { promise.fulfil(()) }
            box.cancelling = []
            guard let callee = box.callee, box.taken < box.waiting.count else {
                box.empty()
                box.deliverer = nil
                return nil
            }
            box.taken += 1
            return (callee, box.waiting[box.taken - 1])
        }
    }
}

/// What the owner of a watch holds: the watch ends with it.
final class WatchHandle: StoreWatch {
    private let watcher: Watcher
    private let unregister: @Sendable (Watcher) -> Void

    init(_ watcher: Watcher, unregister: @escaping @Sendable (Watcher) -> Void) {
        self.watcher = watcher
        self.unregister = unregister
    }

    func cancel() {
        watcher.cancel(waits: true)
        unregister(watcher)
    }

    // Whoever drops the last reference may hold any lock: it must not wait.
    deinit {
        watcher.cancel(waits: false)
        unregister(watcher)
    }
}
