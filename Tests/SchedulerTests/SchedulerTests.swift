import Model
import Testing

@testable import Scheduler

func makeNode(
    _ name: String, cpu: String = "4", memory: String = "8Gi", pods: Int64 = 110,
    _ change: (inout Node) -> Void = { _ in }
) -> Node {
    var node = Node {
        $0.metadata.name = name
        $0.status = NodeStatus {
            $0.allocatable = ["pods": .count(pods)]
            $0.allocatable["cpu"] = Quantity(cpu)
            $0.allocatable["memory"] = Quantity(memory)
            $0.conditions = [Condition("Ready", true, reason: "AgentReady", message: "")]
        }
    }
    change(&node)
    return node
}

func makePod(
    _ name: String, cpu: String? = nil, memory: String? = nil, node: String? = nil,
    _ change: (inout Pod) -> Void = { _ in }
) -> Pod {
    var pod = Pod {
        $0.metadata.name = name
        $0.metadata.namespace = "shop"
        $0.metadata.labels = ["martlet.dev/app": "web", "martlet.dev/revision": "web-a"]
        $0.spec.nodeName = node
        $0.spec.containers = [makeContainer(cpu: cpu, memory: memory)]
    }
    change(&pod)
    return pod
}

func makeContainer(cpu: String? = nil, memory: String? = nil) -> Container {
    Container {
        $0.name = "web"
        $0.image = "web:1@sha256:abc"
        $0.resources = ResourceRequirements {
            $0.requests["cpu"] = cpu.flatMap { Quantity($0) }
            $0.requests["memory"] = memory.flatMap { Quantity($0) }
        }
    }
}

/// Where pods go, by name; what is not placed leads to its message.
func place(_ waiting: [Pod], on nodes: [Node], beside placed: [Pod] = []) -> [String: String] {
    var scheduler = Scheduler(nodes: nodes, pods: placed + waiting)
    let pairs = scheduler.place(placed + waiting).map { decision in
        switch decision {
        case .bind(let pod, let node): (pod.name, node)
        case .unplaceable(let pod, let message): (pod.name, message)
        }
    }
    return Dictionary(uniqueKeysWithValues: pairs)
}

struct FilterTests {
    @Test func `a pod without requests needs a place only`() {
        #expect(place([makePod("a")], on: [makeNode("n", cpu: "0", memory: "0")]) == ["a": "n"])
        #expect(
            place([makePod("a")], on: [makeNode("n", pods: 1)], beside: [makePod("b", node: "n")])
                == ["a": "0 of 1 nodes fit: 1 has 1 of 1 pods already"])
    }

    @Test func `what is requested already counts`() {
        let message = place(
            [makePod("a", cpu: "2")], on: [makeNode("n", cpu: "2")], beside: [makePod("b", cpu: "1500m", node: "n")])
        #expect(message == ["a": "0 of 1 nodes fit: 1 needs 2 cpu, 1500m of 2 cpu requested already"])
    }

    @Test func `stopping pods still hold their resources, ended ones do not`() {
        let stopping = makePod("b", cpu: "1", node: "n") { $0.metadata.deletionTimestamp = Timestamp(seconds: 1) }
        let ended = makePod("b", cpu: "1", node: "n") { $0.status = PodStatus { $0.phase = "Failed" } }
        #expect(place([makePod("a", cpu: "1")], on: [makeNode("n", cpu: "1")], beside: [stopping])["a"] != "n")
        #expect(place([makePod("a", cpu: "1")], on: [makeNode("n", cpu: "1")], beside: [ended])["a"] == "n")
    }

    @Test func `a resource that the node does not offer cannot be had`() {
        let pod = makePod("a") { $0.spec.containers[0].resources?.requests = ["gpu": .count(1)] }
        #expect(place([pod], on: [makeNode("n")]) == ["a": "0 of 1 nodes fit: 1 needs 1 gpu, offers none"])
    }

    struct NodeCase: CustomStringConvertible {
        let description: String
        let node: Node
    }

    static let refusing = [
        NodeCase(description: "1 cordoned", node: makeNode("n") { $0.spec = NodeSpec { $0.unschedulable = true } }),
        NodeCase(description: "1 not ready", node: makeNode("n") { $0.status?.conditions = [] }),
        NodeCase(
            description: "1 tainted gpu=yes:NoSchedule",
            node: makeNode("n") {
                $0.spec = NodeSpec {
                    $0.taints = [
                        Taint {
                            $0.key = "gpu"
                            $0.value = "yes"
                            $0.effect = "NoSchedule"
                        }
                    ]
                }
            }),
        NodeCase(description: "1 without label disk=ssd", node: makeNode("n") { $0.metadata.labels = ["disk": "hdd"] }),
    ]

    @Test(arguments: refusing)
    func `a node that may not take a pod says why`(_ test: NodeCase) {
        let pod = makePod("a") {
            if test.description.contains("label") { $0.spec.nodeSelector = ["disk": "ssd"] }
        }
        #expect(place([pod], on: [test.node]) == ["a": "0 of 1 nodes fit: \(test.description)"])
    }

    @Test func `a host port is given once`() {
        let port = { (pod: inout Pod) in
            pod.spec.containers[0].ports = [
                ContainerPort {
                    $0.containerPort = 80
                    $0.hostPort = 80
                }
            ]
        }
        let placed = place([makePod("a", port), makePod("b", port)], on: [makeNode("n")])
        #expect(placed == ["a": "n", "b": "0 of 1 nodes fit: 1 has port 80/TCP taken"])
    }

    @Test func `troubles are counted over all nodes, the most frequent first`() {
        let nodes =
            (1...3).map { makeNode("small-\($0)", cpu: "1") }
            + [makeNode("away") { $0.status?.conditions = [] }, makeNode("tight", cpu: "1500m")]
        #expect(
            place([makePod("a", cpu: "2")], on: nodes)
                == ["a": "0 of 5 nodes fit: 4 short of cpu; 1 not ready"])
        #expect(place([makePod("a")], on: []) == ["a": "0 of 0 nodes fit: no node has joined"])
    }

    @Test(
        arguments: [
            (nil, nil, nil, nil, true), ("gpu", "Exists", nil, nil, true), ("gpu", nil, "yes", nil, true),
            ("gpu", "Equal", "no", nil, false), (nil, "Exists", nil, nil, true),
            ("gpu", "Exists", nil, "NoExecute", false),
            ("gpu", "Exists", nil, "NoSchedule", true), ("disk", "Exists", nil, nil, false),
        ] as [(String?, String?, String?, String?, Bool)])
    func `tolerations match as in core v1, and an empty one matches everything`(
        key: String?, relation: String?, value: String?, effect: String?, matches: Bool
    ) {
        let toleration = Toleration {
            $0.key = key
            $0.operator = relation
            $0.value = value
            $0.effect = effect
        }
        let taint = Taint {
            $0.key = "gpu"
            $0.value = "yes"
            $0.effect = "NoSchedule"
        }
        #expect(toleration.tolerates(taint) == matches)
    }
}

struct DemandTests {
    private func cpu(_ spec: PodSpec) -> Int64? { Demand(spec).amounts.first { $0.resource == "cpu" }?.thousandths }

    @Test func `containers add up, init containers count for their largest moment`() {
        var spec = PodSpec {
            $0.containers = [makeContainer(cpu: "500m"), makeContainer(cpu: "250m")]
            $0.initContainers = [makeContainer(cpu: "600m"), makeContainer(cpu: "100m")]
        }
        #expect(cpu(spec) == 750)
        spec.initContainers[0] = makeContainer(cpu: "2")
        #expect(cpu(spec) == 2000)
    }

    @Test func `an init container that keeps running counts beside all that follow it`() {
        var sidecar = makeContainer(cpu: "250m")
        sidecar.restartPolicy = "Always"
        let spec = PodSpec {
            $0.containers = [makeContainer(cpu: "500m")]
            $0.initContainers = [makeContainer(cpu: "1"), sidecar, makeContainer(cpu: "750m")]
        }
        #expect(cpu(spec) == 1000)
        let heavier = PodSpec {
            $0.containers = [makeContainer(cpu: "500m")]
            $0.initContainers = [sidecar, makeContainer(cpu: "1")]
        }
        #expect(cpu(heavier) == 1250)
    }

    @Test func `what cannot be added saturates instead of trapping`() {
        let huge = makeContainer(memory: "9e15")
        let spec = PodSpec { $0.containers = Array(repeating: huge, count: 4) }
        #expect(Demand(spec).amounts.first?.thousandths == .max)
        var ledger = Ledger(nodes: [makeNode("n")], pods: [])
        for _ in 0..<3 { ledger.take(Demand(spec), on: "n") }
        #expect(ledger.shortage(of: Demand(spec), on: makeNode("n")) != nil)
    }
}

struct ScoreTests {
    @Test func `pods of a revision are spread over nodes, then over what is left free`() {
        let nodes = [makeNode("a"), makeNode("b"), makeNode("big", cpu: "64", memory: "256Gi")]
        let placed = place((1...3).map { makePod("p\($0)", cpu: "1", memory: "1Gi") }, on: nodes)
        #expect(placed == ["p1": "big", "p2": "a", "p3": "b"])
    }

    @Test func `the first topology key weighs more than the second`() {
        func node(_ name: String, _ zone: String) -> Node { makeNode(name) { $0.metadata.labels = ["zone": zone] } }
        let nodes = [node("a1", "a"), node("a2", "a"), node("b1", "b")]
        let spread = { (pod: inout Pod) in pod.spec.topologyKeys = ["zone", "node"] }
        let placed = place((1...4).map { makePod("p\($0)", spread) }, on: nodes)
        #expect(placed == ["p1": "a1", "p2": "b1", "p3": "a2", "p4": "b1"])
    }

    @Test func `old pods of a rollout do not push the new ones together`() {
        let old = makePod("old", node: "b") { $0.metadata.labels["martlet.dev/revision"] = "web-old" }
        let new = makePod("new-1", node: "a")
        #expect(place([makePod("new-2")], on: [makeNode("a"), makeNode("b")], beside: [old, new]) == ["new-2": "b"])
    }

    @Test func `a node that has the image is preferred among equals`() {
        let image = { (node: inout Node) -> Void in node.status?.images = [NodeImage { $0.names = ["sha256:abc"] }] }
        #expect(place([makePod("p")], on: [makeNode("a"), makeNode("b", image)]) == ["p": "b"])
    }

    @Test func `a node that would rather not is the last resort`() {
        let shy = makeNode("a") {
            $0.spec = NodeSpec {
                $0.taints = [
                    Taint {
                        $0.key = "shy"
                        $0.effect = "PreferNoSchedule"
                    }
                ]
            }
        }
        #expect(place([makePod("p", cpu: "1")], on: [shy, makeNode("b", cpu: "1")]) == ["p": "b"])
        #expect(place([makePod("p")], on: [shy]) == ["p": "a"])
    }

    @Test(arguments: ["DiskPressure", "MemoryPressure", "PIDPressure", "DescriptorPressure"])
    func `a node that is short of something is taken last, and is still taken`(kind: String) {
        let short = makeNode("a") { $0.status?.conditions.append(Condition(kind, true, reason: "UsedUp", message: "")) }
        let fine = makeNode("b", cpu: "1") {
            $0.status?.conditions.append(Condition(kind, false, reason: "Enough", message: ""))
        }
        let pods = [makePod("p", cpu: "500m"), makePod("q", cpu: "500m"), makePod("r", cpu: "500m")]
        #expect(place(pods, on: [short, fine]) == ["p": "b", "q": "b", "r": "a"])
    }

    @Test func `of equal nodes the first by name is taken`() {
        #expect(place([makePod("p")], on: [makeNode("c"), makeNode("a"), makeNode("b")]) == ["p": "a"])
    }

    @Test func `who waits longest is placed first`() {
        let late = makePod("a", cpu: "1") { $0.metadata.creationTimestamp = Timestamp(seconds: 2) }
        let early = makePod("z", cpu: "1") { $0.metadata.creationTimestamp = Timestamp(seconds: 1) }
        let placed = place([late, early], on: [makeNode("n", cpu: "1")])
        #expect(placed["z"] == "n")
        #expect(placed["a"]?.hasPrefix("0 of 1") == true)
    }

    @Test func `pods that are placed, stopping or ended are not placed`() {
        let pods = [
            makePod("placed", node: "n"), makePod("stopping") { $0.metadata.deletionTimestamp = Timestamp(seconds: 1) },
            makePod("ended") { $0.status = PodStatus { $0.phase = "Succeeded" } },
        ]
        #expect(place(pods, on: [makeNode("n")]) == [:])
    }
}
