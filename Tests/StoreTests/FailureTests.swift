import Model
import Synchronization
import Testing
import Threads

@testable import Store

/// A journal that fails on demand and remembers what it wrote.
final class FailingJournal: Journal {
    private struct Plan: Sendable {
        var failures: [Int: StoreError] = [:]
        var appends: [[StoreRevision]] = []
        var isClosed = false
        var hold: Semaphore?
        var held: Promise<Void>?
    }
    private let plan = Mutex(Plan())

    /// Makes the append of that number, counted from 0, fail.
    func fail(_ number: Int, with error: StoreError) { plan.withLock { $0.failures[number] = error } }

    /// Makes the next append wait; returns what tells that it does, and what lets it go on.
    func hold() -> (held: Promise<Void>, release: Semaphore) {
        let (held, release) = (Promise<Void>(), Semaphore())
        plan.withLock {
            $0.held = held; $0.hold = release
        }
        return (held, release)
    }

    /// The revisions of each append that succeeded or was tried.
    var appends: [[StoreRevision]] { plan.withLock { $0.appends } }
    var isClosed: Bool { plan.withLock { $0.isClosed } }

    func append(_ commits: [StoreCommit], forgetting: [StoreCommit]) throws(StoreError) {
        let (failure, held, hold) = plan.withLock { plan in
            defer { plan.held = nil; plan.hold = nil }
            plan.appends.append(commits.map(\.revision))
            return (plan.failures[plan.appends.count - 1], plan.held, plan.hold)
        }
        held?.fulfil(())
        hold?.wait()
        if let failure { throw failure }
    }

    func tidy() throws(StoreError) {}
    func close() { plan.withLock { $0.isClosed = true } }
}

@Suite struct `failures` {
    let web = podKey("web")

    private func submitted(_ store: any Store, _ transaction: StoreTransaction) -> Promise<
        Result<StoreCommit, StoreError>
    > {
        let outcome = Promise<Result<StoreCommit, StoreError>>()
        store.submit(transaction) { outcome.fulfil($0) }
        return outcome
    }

    @Test func `after a failed fsync nothing is visible and nothing more is written`() throws {
        let journal = FailingJournal()
        journal.fail(1, with: .failed("fsync: input/output error"))
        let store = MemoryStore(journal: journal)
        let recorder = Recorder()
        let watch = try store.watch(StoreScope(type: nil), after: 0, deliver: recorder.deliver)
        try store.put(web, 1)
        for _ in 0..<3 {
            #expect(throws: StoreError.failed("fsync: input/output error")) { try store.put(web, 2) }
        }
        #expect(store.value(web) == 1 && store.revision == 1)
        #expect(recorder.events.count == 1)
        #expect(journal.appends == [[1], [2]])
        watch.cancel()
        store.close()
        #expect(journal.isClosed)
    }

    @Test func `a full disk refuses one write and takes the next`() throws {
        let journal = FailingJournal()
        journal.fail(0, with: .full("no room"))
        let store = MemoryStore(journal: journal)
        #expect(throws: StoreError.full("no room")) { try store.put(web, 1) }
        #expect(store.get(web) == nil && store.revision == 0)
        #expect(try store.put(web, 2).revision == 1)
        store.close()
    }

    @Test func `nobody sees a commit before it is durable, and those that wait share the next fsync`() throws {
        let journal = FailingJournal()
        let (held, release) = journal.hold()
        let store = try EngineStore(journal: journal)
        let recorder = Recorder()
        let watch = try store.engine.watch(StoreScope(type: nil), after: 0, deliver: recorder.deliver)
        let first = store.put(web, 1)
        held.wait()
        let keys = (0..<10).map { podKey("pod-\($0)") }
        let others = keys.map { store.put($0, 1) }
        let refused = store.submit(
            StoreTransaction(preconditions: [.absent(keys[0])], writes: [.delete(web)]))
        #expect(store.engine.get(web) == nil && store.engine.list(StoreScope(type: nil)).revision == 0)
        #expect(recorder.deliveries.isEmpty)
        release.signal()
        #expect(try first.wait().get().revision == 1)
        #expect(try others.map { try $0.wait().get().revision } == Array(2...11))
        #expect(refused.wait().failure == .conflict(.absent(keys[0])))
        #expect(journal.appends == [[1], Array(2...11)])
        watch.cancel()
        store.engine.close()
    }

    @Test func `when a batch finds no room each of its transactions is tried by itself`() throws {
        let journal = FailingJournal()
        let (held, release) = journal.hold()
        let store = try EngineStore(journal: journal)
        let first = store.put(web, 1)
        held.wait()
        let others = (0..<3).map { store.put(podKey("pod-\($0)"), 1) }
        // The batch of three, and then the second of them by itself.
        journal.fail(1, with: .full("no room"))
        journal.fail(3, with: .full("no room"))
        release.signal()
        #expect(try first.wait().get().revision == 1)
        let outcomes = others.map { $0.wait() }
        #expect(outcomes.map { try? $0.get().revision } == [2, nil, 3])
        #expect(outcomes[1].failure == .full("no room"))
        #expect(journal.appends == [[1], [2, 3, 4], [2], [3], [3]])
        #expect(store.engine.get(podKey("pod-1")) == nil)
        store.engine.close()
    }

    @Test func `a store at its size limit refuses what does not fit and nothing else`() throws {
        let folder = try TemporaryFolder()
        let options = StoreOptions {
            $0.sizeLimit = 400_000
            $0.historyLimit = 0
        }
        var store = try SQLiteStore(path: folder.path("store.db"), options: options)
        var kept: [ObjectKey] = []
        var refusal: StoreError?
        for number in 0..<200 where refusal == nil {
            let key = podKey("pod-\(number)")
            do throws(StoreError) {
                try store.putLarge(key)
                kept.append(key)
            } catch { refusal = error }
        }
        guard case .full = refusal else { return #expect(Bool(false), "\(String(describing: refusal))") }
        #expect(kept.count > 20)
        #expect(store.list(StoreScope(type: nil)).objects.map(\.key) == kept.sorted())
        #expect(store.revision == StoreRevision(kept.count))
        // A small one still fits; after deletions so do large ones, again and again.
        for round in 0..<50 {
            try store.delete(kept.removeFirst())
            try store.delete(kept.removeFirst())
            let key = podKey("late-\(round)")
            try store.putLarge(key)
            kept.append(key)
            try store.putLarge(web, round)
            if kept.count < 10 { break }
        }
        store.close()
        store = try SQLiteStore(path: folder.path("store.db"), options: options)
        #expect(store.list(StoreScope(type: nil)).objects.map(\.key) == (kept + [web]).sorted())
        store.close()
    }
}

/// An engine with a thread of its own on any journal.
private struct EngineStore {
    let engine: Engine

    init(journal: any Journal) throws {
        engine = try Engine(ownThread: StoreOptions(), content: Published(), journal: journal)
    }

    func submit(_ transaction: StoreTransaction) -> Promise<Result<StoreCommit, StoreError>> {
        let outcome = Promise<Result<StoreCommit, StoreError>>()
        engine.submit(transaction) { outcome.fulfil($0) }
        return outcome
    }

    func put(_ key: ObjectKey, _ value: Int64) -> Promise<Result<StoreCommit, StoreError>> {
        submit(StoreTransaction(writes: [.put(key, document(key, value))]))
    }
}

extension Result {
    /// The error of a failure.
    fileprivate var failure: Failure? { if case .failure(let error) = self { error } else { nil } }
}

extension SQLiteStore {
    /// Stores a document of about 8 KB.
    fileprivate func putLarge(_ key: ObjectKey, _ value: Int = 0) throws(StoreError) {
        var large = document(key, Int64(value))
        large["data"] = .string(String(repeating: "x", count: 8000))
        _ = try commit(StoreTransaction(writes: [.put(key, large)]))
    }
}
