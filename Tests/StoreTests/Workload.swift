import Model
import Synchronization
import TestSupport
import Testing

@testable import Store

/// Random transactions over few keys, so that they meet.
struct RandomTransactions {
    private var generator: SplitMix64
    private static let namespaces = ["shop", "bank", "zoo"]
    private static let types: [ResourceType] = [.pod, .configMap, .node]

    init(seed: UInt64) { generator = SplitMix64(seed: seed) }

    mutating func key() -> ObjectKey {
        ObjectKey(
            Self.types[Int.random(in: 0..<3, using: &generator)],
            namespace: Self.namespaces[Int.random(in: 0..<3, using: &generator)],
            name: "object-\(Int.random(in: 0..<6, using: &generator))")
    }

    mutating func next(seeing store: any Store) -> StoreTransaction {
        let writes = (0..<Int.random(in: 1...4, using: &generator)).map { _ in write() }
        var preconditions: [StorePrecondition] = []
        if Int.random(in: 0..<4, using: &generator) == 0 {
            let key = key()
            let seen = store.get(key)
            switch Int.random(in: 0..<4, using: &generator) {
            case 0: preconditions = [.absent(key)]
            case 1: preconditions = [.present(key)]
            case 2: preconditions = [.revision(key, seen?.revision ?? 1)]
            default: preconditions = [.uid(key, seen?.uid ?? "none")]
            }
        }
        return StoreTransaction(preconditions: preconditions, writes: writes)
    }

    private mutating func write() -> StoreWrite {
        let key = key()
        guard Int.random(in: 0..<4, using: &generator) > 0 else { return .delete(key) }
        return .put(key, document(key, Int64.random(in: 0..<3, using: &generator)))
    }
}

/// Concurrent writers on a store, watchers that join at different times, and the true history to hold them to.
struct Workload {
    static let scopes = [
        StoreScope(type: nil), StoreScope(type: .pod), StoreScope(type: .pod, namespace: "shop"),
        StoreScope(type: .configMap, namespace: "bank", name: "object-1"), StoreScope(type: nil, namespace: "zoo"),
        StoreScope(type: .node),
    ]

    /// One watcher and where it began.
    struct Watched {
        let scope: StoreScope
        let after: StoreRevision
        /// The objects in scope when it began, for those that began with a list.
        let snapshot: [StoredObject]
        let recorder: Recorder
        let watch: any StoreWatch
    }

    /// Every commit that changed something, in revision order, as the writers were answered.
    let commits: [StoreCommit]
    /// The watchers, after everything was delivered.
    let watched: [Watched]

    /// Runs four writers, and meanwhile begins watches of every scope by list-then-watch.
    init(on store: any Store, transactions: Int = 60) throws {
        let answered = Mutex<[StoreCommit]>([])
        let began = Mutex<[Watched]>([])
        let start = store.revision
        try inThreads(6) { thread in
            guard thread < 4 else { return Self.watch(store, began) }
            var random = RandomTransactions(seed: UInt64(thread))
            for _ in 0..<transactions {
                guard let commit = try? store.commit(random.next(seeing: store)) else { continue }
                answered.withLock { $0.append(commit) }
            }
        }
        commits = answered.withLock { $0 }.filter { !$0.events.isEmpty && $0.revision > start }
            .sorted { $0.revision < $1.revision }
        watched = began.withLock { $0 }
        for one in watched where store.revision > one.after { one.recorder.wait(for: store.revision) }
    }

    private static func watch(_ store: any Store, _ began: borrowing Mutex<[Watched]>) {
        for round in 0..<10 {
            for scope in scopes {
                let (snapshot, revision) = round == 0 ? ([], 0) : store.list(scope)
                let recorder = Recorder()
                guard let watch = try? store.watch(scope, after: revision, deliver: recorder.deliver) else {
                    Issue.record("a watch after \(revision) was refused")
                    continue
                }
                began.withLock {
                    $0.append(
                        Watched(
                            scope: scope, after: revision, snapshot: snapshot, recorder: recorder, watch: watch))
                }
            }
        }
    }

    /// The events that a watch ought to be told, commit by commit.
    func expected(_ scope: StoreScope, after revision: StoreRevision) -> [[StoreEvent]] {
        commits.filter { $0.revision > revision }
            .map { $0.events.filter { scope.contains($0.object.key) } }
            .filter { !$0.isEmpty }
    }
}
