import Client
import Consistency
import Glibc
import Linux
import Model
import Store
import TestSupport
import Testing
import Threads

extension EndToEnd {
    /// What clients may rely on whatever becomes of the server.
    @Suite struct StoreGuarantees {
        /// How long the server is killed again and again, in seconds.
        private static let seconds = getenv("MARTLET_TEST_SECONDS").flatMap { Double(String(cString: $0)) } ?? 12

        @Test func `clients of a server that is killed again and again see one linearizable log`() throws {
            let cluster = try Cluster(images: EndToEnd.cluster().images)
            let run = try GuaranteeRun(cluster, seed: UInt64(getpid()))
            let result = Result { try run.perform(seconds: Self.seconds) }
            run.end()
            #expect(try cluster.cleanUp().isEmpty, "nothing is left on the machine")
            try result.get()
            try run.check()
        }
    }
}

/// Clients and watchers, a server that is killed under them, and what is found in its database each time.
private final class GuaranteeRun {
    private let cluster: Cluster
    private let traffic = Traffic()
    private var threads: [Thread] = []
    private var random: SplitMix64
    private let seed: UInt64
    private var writes: [ChangeLog.Write] = []
    /// The revision from which on everything is recorded.
    private let start: UInt64
    private var logged: UInt64
    private var kills = 0

    init(_ cluster: Cluster, seed: UInt64) throws {
        self.cluster = cluster
        self.seed = seed
        random = SplitMix64(seed: seed)
        let api = try CurlClient(Kubeconfig.load(path: "\(cluster.data)/admin.kubeconfig"))
        _ = try api.create(
            .namespace, namespace: nil,
            ["apiVersion": "v1", "kind": "Namespace", "metadata": ["name": .string(Traffic.namespace)]])
        let list = try api.list(.configMap, ListSelection { $0.namespace = Traffic.namespace })
        start = try #require(UInt64(list.resourceVersion))
        logged = start
    }

    func perform(seconds: Double) throws {
        try serve()
        try startThreads()
        let deadline = Deadline(seconds)
        repeat {
            // Now and then long enough for the bookmarks at the ends of the short watches.
            let goal = count + (kills % 4 == 3 ? 3000 : Int.random(in: 20...400, using: &random))
            // Not an expectation: a slow machine gets fewer operations between two kills.
            _ = traffic.state.wait(atMost: .seconds(2)) { $0.operations.count >= goal ? true : nil }
            traffic.state.change { $0.server = nil }
            try cluster.stop(SIGKILL)
            kills += 1
            try readLog()
            try cluster.start()
            try serve()
        } while !deadline.isOver || kills < 5
        try finish()
    }

    private var count: Int { traffic.state.wait(atMost: .zero) { $0.operations.count } ?? 0 }

    /// Tells everybody how the server is reached.
    private func serve() throws {
        let config = try Kubeconfig.load(path: "\(cluster.data)/admin.kubeconfig")
        traffic.state.change {
            $0.server = config
            $0.generation += 1
        }
    }

    private func startThreads() throws {
        let (traffic, seed, start) = (traffic, seed, start)
        for number in 0..<8 {
            threads.append(
                try Thread {
                    var client = RegisterClient(traffic, number: number, seed: seed)
                    client.run()
                })
        }
        for number in 0..<4 {
            threads.append(
                try Thread {
                    var watcher = Self.watcher(number, traffic, after: start)
                    watcher.run()
                })
        }
    }

    private static func watcher(_ number: Int, _ traffic: Traffic, after: UInt64) -> RegisterWatcher {
        switch number {
        case 0: RegisterWatcher(traffic, name: "all", seconds: 3600, after: after, scope: { _ in true })
        case 1: RegisterWatcher(traffic, name: "all, short", seconds: 1, after: after, scope: { _ in true })
        case 2:
            RegisterWatcher(traffic, name: "r0", seconds: 2, after: after, scope: { $0 == "r0" }) { $0.name = "r0" }
        default:
            RegisterWatcher(traffic, name: "group", seconds: 2, after: after, scope: Traffic.isOfGroup) {
                $0.labelSelector = "group=g"
            }
        }
    }

    /// Lets the clients end, then the watchers when they were told everything.
    private func finish() throws {
        traffic.state.change { $0.isOver = true }
        for thread in threads.prefix(8) { thread.join() }
        threads.removeFirst(8)
        let config = try Kubeconfig.load(path: "\(cluster.data)/admin.kubeconfig")
        let api = try CurlClient(config)
        for key in ["r0", "g0"] {
            _ = try? api.delete(.configMap, namespace: Traffic.namespace, name: key)
            _ = try api.create(.configMap, namespace: Traffic.namespace, Traffic.document(key, "last of \(key)"))
        }
        let list = try api.list(.configMap, ListSelection { $0.namespace = Traffic.namespace })
        let last = try #require(UInt64(list.resourceVersion))
        traffic.state.change { $0.lastRevision = last }
        // The watch without an end of its own ends with the server, when the others have been told everything.
        _ = traffic.state.wait(atMost: .seconds(30)) { $0.records.count >= 3 ? true : nil }
        traffic.state.change { $0.server = nil }
        try cluster.stop(SIGKILL)
        try readLog()
    }

    /// Ends what still runs.
    func end() {
        traffic.state.change {
            $0.isOver = true
            $0.lastRevision = $0.lastRevision ?? 0
            $0.server = nil
        }
        _ = try? cluster.stop(SIGKILL)
        for thread in threads { thread.join() }
    }

    /// Reads from a copy of the database what was committed since the last time: the server opens its own.
    private func readLog() throws {
        let folder = "\(parentDirectory(of: cluster.data))/copy"
        try makeDirectories(folder)
        defer { try? removeTree(folder) }
        for name in try listDirectory("\(cluster.data)/store") {
            let bytes = try readFile("\(cluster.data)/store/\(name)", limit: 1 << 30)
            try writeDurably("\(folder)/\(name)", bytes)
        }
        let store = try SQLiteStore(path: "\(folder)/martlet.db")
        defer { store.close() }
        let found = Monitor<[ChangeLog.Write]>([])
        let scope = StoreScope(type: .configMap, namespace: Traffic.namespace)
        _ = try store.watch(scope, after: logged) { delivery in
            guard case .events(let events) = delivery else { return }
            let new = events.map { event in
                ChangeLog.Write(
                    revision: event.object.revision, key: event.object.key.name,
                    value: event.change == .deleted ? nil : event.object.document.registerValue)
            }
            found.change { $0 += new }
        }
        writes += found.change { $0 }
        logged = store.revision
    }

    /// Compares what everybody saw with what the database holds.
    func check() throws {
        let state = traffic.state.change { $0 }
        #expect(state.surprises.isEmpty, "\(state.surprises.prefix(5))")
        let operations = state.operations.filter { $0.called > 0 }
        #expect(kills >= 5 && operations.count > kills * 20, "a run of too little traffic proves nothing")
        #expect(operations.contains { $0.answered == nil }, "no kill met a write")
        if let problem = Linearizability.violation(of: operations) { Issue.record("seed \(seed): \(problem)") }
        if let problem = RevisionOrder.violation(of: operations) { Issue.record("seed \(seed): \(problem)") }
        checkAcknowledged(operations)
        let log = ChangeLog(writes)
        #expect(state.records.count == 4)
        #expect(state.records.allSatisfy { $0.connections.count > kills }, "each watcher went on after each kill")
        let deliveries = state.records.flatMap(\.connections).flatMap(\.deliveries)
        #expect(deliveries.contains { if case .bookmark = $0 { true } else { false } }, "no bookmark came")
        for problem in WatchGuarantee.violations(of: state.records, in: log).prefix(10) {
            Issue.record("seed \(seed): \(problem)")
        }
        let unanswered = operations.count { $0.answered == nil }
        print(
            "\(operations.count) operations, \(unanswered) without an answer, \(writes.count) changes, \(kills) kills; "
                + "watched over \(state.records.map(\.connections.count)) connections")
    }

    /// Every change that was answered is in the database as it was answered.
    private func checkAcknowledged(_ operations: [Operation]) {
        var values: [UInt64: [String: String?]] = [:]
        for write in writes { values[write.revision, default: [:]][write.key] = write.value }
        for operation in operations {
            guard operation.answered != nil, let revision = operation.revision else { continue }
            switch operation.effect {
            case .create(let value, .done), .replace(let value, .done), .swap(let value, _, .done):
                #expect(values[revision]?[operation.key] == value, "seed \(seed): \(operation) is lost")
            default: break
            }
        }
    }
}
