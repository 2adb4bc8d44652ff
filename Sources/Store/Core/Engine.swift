import Failpoints
import Glibc
import Synchronization
import Threads

/// What both stores are made of: the objects in memory, the history, the watchers, and one queue of transactions
/// that one thread at a time drains.
///
/// A batch of transactions is decided on a copy of the index, made durable by the journal, published, delivered to
/// the watchers and answered, in this order. Nobody sees a commit that is not durable, and an outcome that rests on
/// one is not told before it is.
final class Engine: Sendable {
    let options: StoreOptions
    let inbox = Mutex(Inbox())
    let published: Mutex<Published>
    /// The published revision, for those who want nothing else.
    let latest: Atomic<StoreRevision>
    /// Where commits are made durable; nil for memory alone.
    private let journal: (any Journal)?
    /// Wakes the writer thread; nil when the thread that asks drains.
    private let bell: WakeSignal?
    /// Why the store refuses every write, once the journal failed.
    private let failure = Mutex<StoreError?>(nil)

    /// Makes an engine that drains in whichever thread asks first.
    init(options: StoreOptions, content: Published = Published(), journal: (any Journal)? = nil) {
        self.options = options
        self.journal = journal
        bell = nil
        published = Mutex(content)
        latest = Atomic(content.revision)
    }

    /// Makes an engine that drains in a thread of its own.
    init(
        ownThread options: StoreOptions, content: Published, journal: any Journal
    ) throws(StoreError) {
        self.options = options
        self.journal = journal
        let bell = WakeSignal()
        self.bell = bell
        published = Mutex(content)
        latest = Atomic(content.revision)
        do {
            try Thread.detach { [self] in
                repeat {
                    bell.wait(atMost: nil)
                    drain()
                } while !inbox.withLock { $0.isFinished }
            }
        } catch {
            throw .failed("\(error)")
        }
    }

    /// Changes the inbox, and sees that it is drained if the change says that there is work.
    func post(_ change: (inout Inbox) -> Bool) {
        let mustDrain = inbox.withLock { inbox in
            guard change(&inbox) else { return false }
            defer { inbox.isDraining = true }
            return !inbox.isDraining
        }
        guard mustDrain else { return }
        if let bell { bell.raise() } else { drain() }
    }

    private func drain() {
        while let work = inbox.withLock({ $0.next() }) {
            switch work {
            case .commit(let requests): commit(requests)
            case .settle: settle()
            case .close(let waiting): finish(waiting)
            }
        }
    }

    private func commit(_ requests: [Inbox.Request]) {
        write(requests)
        if journal != nil { failing { () throws(StoreError) in try journal?.tidy() } }
        if inbox.withLock({ $0.isIdle }) { tellProgress() }
    }

    /// Commits a batch; when the disk has no room for all of it, each transaction by itself.
    private func write(_ requests: [Inbox.Request]) {
        if let error = failure.withLock({ $0 }) { return requests.forEach { $0.completion(.failure(error)) } }
        var staging = published.withLock { Staging(index: $0.index, revision: $0.revision) }
        let outcomes = requests.map { Self.outcome(of: $0.transaction, on: &staging) }
        let commits = outcomes.compactMap { try? $0.get() }.filter { !$0.events.isEmpty }
        do throws(StoreError) {
            if !commits.isEmpty {
                try record(commits)
                publish(staging, commits)
                failpoint(.commitPublished)
            }
            for (request, outcome) in zip(requests, outcomes) { request.completion(outcome) }
        } catch {
            if case .full = error, requests.count > 1 { return requests.forEach { write([$0]) } }
            if case .full = error {} else { failure.withLock { $0 = error } }
            requests.forEach { $0.completion(.failure(error)) }
        }
    }

    private static func outcome(
        of transaction: StoreTransaction, on staging: inout Staging
    ) -> Result<StoreCommit, StoreError> {
        do throws(StoreError) { return .success(try staging.apply(transaction)) } catch { return .failure(error) }
    }

    private func record(_ commits: [StoreCommit]) throws(StoreError) {
        guard let journal else { return }
        // Twice what is written, so that a debt shrinks under any load.
        let debt = published.withLock { Array($0.debt.prefix(max(64, commits.count * 2))) }
        try journal.append(commits, forgetting: debt)
        published.withLock { $0.debt.removeFirst(debt.count) }
    }

    private func publish(_ staging: Staging, _ commits: [StoreCommit]) {
        let (watchers, released) = published.withLock { published in
            let taken = published.take(staging, commits, historyLimit: options.historyLimit)
            if journal == nil { published.debt = [] }
            return taken
        }
        latest.store(staging.revision, ordering: .releasing)
        for watcher in watchers { watcher.deliver() }
        withExtendedLifetime(released) {}
    }

    private func tellProgress() {
        let told = published.withLock { published in
            published.watchers.filter { $0.putProgress(published.revision, step: 1) }
        }
        for watcher in told { watcher.deliver() }
    }

    /// Gives back a little of the space of forgotten history, between two batches of writes.
    private func settle() {
        let debt = published.withLock { Array($0.debt.prefix(256)) }
        var isSettled = debt.isEmpty || failure.withLock { $0 != nil }
        if !isSettled {
            // A full disk leaves the debt to the writes that follow.
            isSettled = !failing { () throws(StoreError) in
                try journal?.append([], forgetting: debt)
                published.withLock { $0.debt.removeFirst(debt.count) }
                try journal?.tidy()
            }
        }
        if isSettled { inbox.withLock { $0.mustSettle = false } }
    }

    /// Runs the journal's housekeeping; says whether it went well. Any failure but a full disk is the store's end.
    @discardableResult
    private func failing(_ body: () throws(StoreError) -> Void) -> Bool {
        do throws(StoreError) {
            try body()
            return true
        } catch {
            if case .full = error {} else { failure.withLock { $0 = $0 ?? error } }
            return false
        }
    }

    private func finish(_ waiting: [Promise<Void>]) {
        if !inbox.withLock({ $0.isFinished }) { journal?.close() }
        let watchers = published.withLock { published in
            published.isClosed = true
            defer { published.watchers = [] }
            return published.watchers
        }
        for watcher in watchers {
            watcher.putEnd(.closed)
            watcher.deliver()
        }
        inbox.withLock { $0.isFinished = true }
        for promise in waiting { promise.fulfil(()) }
    }
}
