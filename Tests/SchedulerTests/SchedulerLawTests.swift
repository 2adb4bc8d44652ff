import Model
import TestSupport
import Testing

@testable import Scheduler

/// Laws over many random clusters.
struct SchedulerLawTests {
    private struct Cluster {
        var nodes: [Node]
        var pods: [Pod]
        var random: SplitMix64

        init(seed: UInt64) {
            var random = SplitMix64(seed: seed)
            nodes = (0..<Int.random(in: 1...6, using: &random)).map { index in
                makeNode(
                    "n\(index)", cpu: "\(Int.random(in: 1...8, using: &random))",
                    memory: "\(Int.random(in: 1...16, using: &random))Gi",
                    pods: Int64.random(in: 1...12, using: &random)
                ) {
                    if Int.random(in: 0..<5, using: &random) == 0 { $0.spec = NodeSpec { $0.unschedulable = true } }
                    $0.metadata.labels["zone"] = "z\(index % 2)"
                }
            }
            pods = (0..<Int.random(in: 1...30, using: &random)).map { index in
                makePod(
                    "p\(index)", cpu: "\(Int.random(in: 0...3000, using: &random))m",
                    memory: "\(Int.random(in: 0...4000, using: &random))Mi"
                ) {
                    if Bool.random(using: &random) { $0.spec.topologyKeys = ["zone", "node"] }
                    if Int.random(in: 0..<6, using: &random) == 0 { $0.spec.nodeSelector = ["zone": "z1"] }
                }
            }
            self.random = random
        }

        mutating func placeAll() -> [SchedulingDecision] {
            var scheduler = Scheduler(nodes: nodes, pods: pods)
            let decisions = scheduler.place(pods)
            for case .bind(let pod, let node) in decisions {
                for index in pods.indices where pods[index].name == pod.name { pods[index].spec.nodeName = node }
            }
            return decisions
        }
    }

    @Test(arguments: 0..<300)
    func `requests never exceed what a node can give`(seed: Int) {
        var cluster = Cluster(seed: UInt64(seed))
        for _ in 0..<3 {
            _ = cluster.placeAll()
            for node in cluster.nodes {
                let mine = cluster.pods.filter { $0.spec.nodeName == node.name }
                let offered = node.status?.allocatable ?? [:]
                #expect(Int64(mine.count) <= offered["pods"]?.whole ?? 0, "seed \(seed)")
                for resource in ["cpu", "memory"] {
                    let sum = mine.reduce(Int64(0)) { sum, pod in
                        sum + (pod.spec.containers[0].resources?.requests[resource]?.thousandths ?? 0)
                    }
                    #expect(sum <= offered[resource]?.thousandths ?? 0, "seed \(seed) \(node.name) \(resource)")
                }
                if node.spec?.unschedulable == true { #expect(mine.isEmpty, "seed \(seed)") }
            }
            // Some go, so that the next round has room to fill.
            cluster.pods.removeAll { _ in Int.random(in: 0..<4, using: &cluster.random) == 0 }
        }
    }

    @Test(arguments: 0..<300)
    func `what is not placed would fit nowhere, and placing again changes nothing`(seed: Int) {
        var cluster = Cluster(seed: UInt64(seed) &+ 10_000)
        let decisions = cluster.placeAll()
        #expect(decisions.count == cluster.pods.count)
        let left = cluster.pods.filter { $0.spec.nodeName == nil }
        let ledger = Ledger(nodes: cluster.nodes, pods: cluster.pods.filter { $0.spec.nodeName != nil })
        for pod in left {
            let fitting = NodeFilter(PlacementClass(pod.spec), nodes: cluster.nodes).candidates.filter {
                ledger.shortage(of: Demand(pod.spec), on: $0) == nil
            }
            #expect(fitting.isEmpty, "seed \(seed) \(pod.name)")
        }
        let again = cluster.placeAll()
        #expect(again.count == left.count)
        #expect(again.allSatisfy { if case .unplaceable = $0 { true } else { false } }, "seed \(seed)")
    }

    @Test(arguments: 0..<100)
    func `the order in which nodes and pods are listed makes no difference`(seed: Int) {
        var cluster = Cluster(seed: UInt64(seed) &+ 20_000)
        var shuffled = cluster
        shuffled.nodes.shuffle(using: &cluster.random)
        shuffled.pods.shuffle(using: &cluster.random)
        #expect(cluster.placeAll() == shuffled.placeAll(), "seed \(seed)")
    }

    @Test(arguments: 0..<100)
    func `equal pods on equal nodes differ by one at most`(seed: Int) {
        var random = SplitMix64(seed: UInt64(seed))
        let nodes = (0..<Int.random(in: 1...7, using: &random)).map { makeNode("n\($0)", cpu: "64", memory: "64Gi") }
        let pods = (0..<Int.random(in: 0...40, using: &random)).map { makePod("p\($0)", cpu: "1", memory: "1Gi") }
        let placed = place(pods, on: nodes)
        let counts = nodes.map { node in placed.values.count { $0 == node.name } }
        #expect((counts.max() ?? 0) - (counts.min() ?? 0) <= 1)
        #expect(counts.reduce(0, +) == pods.count)
    }
}
