import ControlPlane
import Controllers
import Model
import Store
import TestSupport
import Testing

/// Laws of the whole control plane, on a real store, with an agent, users and faults that act at random.
struct ClusterLawTests {
    private struct History {
        let cluster = Cluster()
        var random: SplitMix64

        init(seed: Int) throws {
            random = SplitMix64(seed: UInt64(seed))
            for index in 0..<Int.random(in: 1...3, using: &random) {
                try cluster.store.put(makeNode("n\(index)", cpu: Int64.random(in: 1000...4000, using: &random)))
            }
            cluster.settle()
            var app = makeApp(Int.random(in: 1...4, using: &random))
            let surge = Int.random(in: 0...2, using: &random)
            app.spec.rollout = RolloutSpec {
                $0.maxSurge = .count(surge)
                $0.maxUnavailable = .count(surge == 0 ? 1 : 0)
            }
            app.spec.resources = ResourceRequirements { $0.requests = ["cpu": .millicores(500)] }
            try cluster.store.put(app)
        }

        mutating func happen() throws {
            let store = cluster.store
            switch Int.random(in: 0..<10, using: &random) {
            case 0:
                let version = Int.random(in: 1...3, using: &random)
                try store.edit(appKey) { (app: inout App) in app.spec.image = "rootfs:/v\(version)" }
            case 1:
                let count = Int.random(in: 0...5, using: &random)
                try store.edit(appKey) { (app: inout App) in app.spec.replicas = count }
            case 2: try pick { $0.status?.phase = "Failed" }
            case 3: try pick { $0.status?.conditions = [] }
            case 4: store.refuse(.conflict(.absent(appKey)))
            case 5: store.dropWatches()
            case 6: cluster.advance(.seconds(2))
            default: try? cluster.runAgent()
            }
        }

        private mutating func pick(_ change: (inout Pod) -> Void) throws {
            guard let pod = try cluster.pods().filter({ $0.spec.nodeName != nil }).randomElement(using: &random)
            else { return }
            try cluster.store.edit(pod.key, change)
        }
    }

    private func isAvailable(_ pod: Pod) -> Bool {
        pod.metadata.deletionTimestamp == nil && pod.status?.phase == "Running"
            && pod.status?.conditions["Ready"]?.status == "True"
    }

    private func check(_ history: History, before: [Pod], _ comment: Comment) throws {
        let cluster = history.cluster
        let (app, pods) = (try #require(try cluster.app()), try cluster.pods())
        let live = pods.filter { $0.metadata.deletionTimestamp == nil && $0.status?.phase != "Failed" }
        let desired = app.spec.replicas ?? 0
        let surge = app.spec.rollout?.maxSurge?.roundedUp(of: desired) ?? 0
        let needed = max(0, desired - (surge == 0 ? 1 : 0))
        #expect(live.count <= max(desired + surge, before.count), comment)
        #expect(pods.count(where: isAvailable) >= min(before.count(where: isAvailable), needed), comment)
        for node in try cluster.store.all(Node.self) {
            let count = pods.count { $0.spec.nodeName == node.name && $0.status?.phase != "Failed" }
            #expect(Int64(count) * 500 <= node.status?.allocatable["cpu"]?.thousandths ?? 0, comment)
        }
        let revisions = Set(try cluster.store.all(Revision.self).map(\.uid))
        #expect(live.allSatisfy { revisions.contains($0.metadata.controller?.uid ?? "") }, comment)
    }

    @Test(arguments: 0..<60)
    func `every commit keeps the limits, and when faults stop the desired comes about and stays`(seed: Int) throws {
        var history = try History(seed: seed)
        let comment = Comment(rawValue: "seed \(seed)")
        for _ in 0..<40 {
            do { try history.happen() } catch is StoreError {}  // A refusal that was meant for the engine.
            let before = try history.cluster.pods()
            history.cluster.settle()
            try check(history, before: before, comment)
        }
        let cluster = history.cluster
        cluster.store.forgive()
        cluster.advance(.minutes(2))
        try cluster.store.edit(appKey) { (app: inout App) in app.spec.replicas = 2 }
        for _ in 0..<10 {
            try cluster.converge()
            cluster.advance(.minutes(1))
        }
        let (app, pods) = (try #require(try cluster.app()), try cluster.pods())
        #expect(pods.count == 2, comment)
        #expect(pods.count(where: isAvailable) == 2, comment)
        #expect(pods.allSatisfy { $0.metadata.controller?.name == app.status?.currentRevision }, comment)
        #expect(app.status?.conditions["Progressing"]?.reason == "NewRevisionAvailable", comment)
        let revision = cluster.store.revision
        cluster.advance(.minutes(11))
        #expect(cluster.store.revision == revision, comment)
    }
}
