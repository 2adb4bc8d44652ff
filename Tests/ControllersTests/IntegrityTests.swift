import Controllers
import Model
import Testing

private func entry(_ object: some Resource) -> (key: ObjectKey, document: JSONValue) { (object.key, object.document) }

private let namespace = Namespace {
    $0.metadata.name = "shop"
    $0.metadata.uid = "ns"
    $0.metadata.finalizers = [WellKnown.namespaceFinalizer]
}
private let node = Node {
    $0.metadata.name = "one"
    $0.metadata.uid = "node"
    $0.status = NodeStatus { $0.allocatable = ["cpu": .millicores(1000), "pods": .count(2)] }
}
private let app = App {
    $0.metadata.name = "web"
    $0.metadata.namespace = "shop"
    $0.metadata.uid = "app"
    $0.spec.image = "rootfs:/web"
    $0.status = AppStatus { $0.currentRevision = "web-1" }
}
private let revision = Revision {
    $0.metadata.name = "web-1"
    $0.metadata.namespace = "shop"
    $0.metadata.uid = "rev"
    $0.metadata.ownerReferences = [app.controllerReference]
    $0.spec.revision = 1
    $0.spec.template.spec.containers = [Container { ($0.name, $0.image) = ("web", "rootfs:/web") }]
}

private func pod(_ name: String = "web-1-a", _ change: (inout Pod) -> Void = { _ in }) -> Pod {
    var pod = Pod {
        $0.metadata.name = name
        $0.metadata.namespace = "shop"
        $0.metadata.uid = "pod-\(name)"
        $0.metadata.ownerReferences = [revision.controllerReference]
        $0.spec.nodeName = "one"
        $0.spec.containers = [
            Container {
                ($0.name, $0.image) = ("web", "rootfs:/web")
                $0.resources = ResourceRequirements { $0.requests = ["cpu": .millicores(400)] }
            }
        ]
    }
    change(&pod)
    return pod
}

private func changed<Value: Resource>(_ value: Value, _ change: (inout Value) -> Void) -> Value {
    var value = value
    change(&value)
    return value
}

private let healthy = [entry(namespace), entry(node), entry(app), entry(revision), entry(pod())]

private let cases: [(what: String, objects: [(key: ObjectKey, document: JSONValue)], faults: [String])] = [
    ("nothing", [], []),
    ("a cluster in order", healthy, []),
    (
        "no namespace", Array(healthy.dropFirst().prefix(2)),
        [
            "apps.martlet.dev/shop/web: namespace: namespace \"shop\" does not exist",
            "apps.martlet.dev/shop/web: revision: status.currentRevision names revision \"web-1\", which does not exist",
        ]
    ),
    (
        "no node", [healthy[0], healthy[2], healthy[3], healthy[4]],
        ["pods/shop/web-1-a: node: node \"one\" does not exist"]
    ),
    (
        "no owner", [healthy[0], healthy[1], healthy[4]],
        ["pods/shop/web-1-a: owner: Revision \"web-1\" does not exist"]
    ),
    (
        "an owner of the same name",
        healthy.prefix(2) + [entry(changed(app) { $0.metadata.uid = "new" })] + healthy[3...],
        [
            "revisions.martlet.dev/shop/web-1: owner: App \"web\" has the uid new and not app: it is another one"
        ]
    ),
    (
        "one uid twice", healthy + [entry(pod("web-1-b") { $0.metadata.uid = "pod-web-1-a" })],
        ["pods/shop/web-1-b: identity: pods/shop/web-1-a has the same uid pod-web-1-a"]
    ),
    (
        "no uid", [entry(changed(namespace) { $0.metadata.uid = nil })],
        ["namespaces/shop: identity: it has no metadata.uid"]
    ),
    (
        "another place", [healthy[0], (ObjectKey(.node, namespace: "", name: "two"), node.document)],
        ["nodes/two: unreadable: it says that it is nodes/one"]
    ),
    (
        "another kind", [healthy[0], (node.key, changed(namespace) { $0.metadata.name = "one" }.document)],
        ["nodes/one: unreadable: it says that it is a Namespace"]
    ),
    (
        "held by nobody",
        [
            entry(
                changed(namespace) {
                    $0.metadata.deletionTimestamp = Timestamp(seconds: 5)
                    $0.metadata.finalizers = []
                })
        ], ["namespaces/shop: released: its deletion was asked for and no finalizer holds it"]
    ),
    (
        "too much on a node", healthy + [entry(pod("web-1-b")), entry(pod("web-1-c"))],
        [
            "nodes/one: overcommitted: it has 3 pods and room for 2",
            "nodes/one: overcommitted: its pods request 1200 of 1000 thousandths of cpu",
        ]
    ),
    (
        "pods that have ended hold nothing",
        healthy + ["b", "c"].map { name in entry(pod(name) { $0.status = PodStatus { $0.phase = "Failed" } }) }, []
    ),
]

@Suite("Integrity", .timeLimit(.minutes(10)))
struct IntegrityTests {
    @Test("every kind of dangling reference is named", arguments: cases.indices)
    func faults(_ index: Int) {
        let found = Integrity.faults(in: cases[index].objects)
        #expect(found.map(\.description) == cases[index].faults, "\(cases[index].what)")
    }

    @Test("what the control plane repairs by itself is marked as passing")
    func passing() {
        let kinds = Set(cases.flatMap { Integrity.faults(in: $0.objects) }.filter(\.isPassing).map(\.kind))
        #expect(kinds == [.owner, .node, .revision])
    }
}
