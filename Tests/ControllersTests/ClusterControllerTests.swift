import Controllers
import Model
import Testing

@testable import Controllers

struct PodControllerTests {
    private func pod(node: String? = "one", phase: String = "Running", deleted: Bool = false) -> Pod {
        Pod {
            $0.metadata.name = "web-1"
            $0.metadata.namespace = "shop"
            $0.metadata.deletionTimestamp = deleted ? start : nil
            $0.metadata.ownerReferences = [
                OwnerReference {
                    $0.kind = "Revision"
                    $0.name = "web-x"
                    $0.uid = "owner"
                    $0.controller = true
                }
            ]
            $0.spec.nodeName = node
            $0.spec.terminationGracePeriodSeconds = 7
            $0.status = PodStatus { $0.phase = phase }
        }
    }

    private func decide(_ pod: Pod, owner: String? = "owner", nodeExists: Bool = true) -> [Action] {
        PodController.decide(PodSnapshot(pod: pod, ownerUID: owner, nodeExists: nodeExists), now: start).filter {
            if case .event = $0 { false } else { true }
        }
    }

    @Test func `a pod that is wanted is left alone`() { #expect(decide(pod()) == []) }

    @Test(arguments: [nil, "another"])
    func `a pod whose controller is gone is stopped by its agent`(owner: String?) {
        #expect(
            decide(pod(), owner: owner) == [
                .requestDeletion(pod().key, at: start + .seconds(7), gracePeriodSeconds: 7)
            ])
        #expect(decide(pod(deleted: true), owner: owner) == [])
    }

    @Test func `a pod that no agent holds is removed at once`() {
        #expect(decide(pod(node: nil), owner: nil) == [.remove(pod().key)])
        #expect(decide(pod(phase: "Failed"), owner: nil) == [.remove(pod().key)])
        #expect(decide(pod(node: nil, deleted: true)) == [.remove(pod().key)])
        #expect(decide(pod(), nodeExists: false) == [.remove(pod().key)])
        #expect(decide(pod(deleted: true), nodeExists: false) == [.remove(pod().key)])
    }

    @Test func `a stopping pod with a node is its agent's`() { #expect(decide(pod(deleted: true)) == []) }

    @Test func `a pod without a controller is nobody's to collect`() {
        var bare = pod()
        bare.metadata.ownerReferences = []
        #expect(decide(bare, owner: nil) == [])
    }

    @Test func `finalizers are respected`() {
        var held = pod(node: nil)
        held.metadata.finalizers = ["example.com/x"]
        #expect(decide(held, owner: nil) == [.requestDeletion(held.key, at: start, gracePeriodSeconds: 0)])
        held.metadata.deletionTimestamp = start
        #expect(decide(held, owner: nil) == [])
    }

    @Test func `a revision goes with its App`() {
        let revision = Revision {
            $0.metadata.name = "web-x"
            $0.metadata.namespace = "shop"
            $0.metadata.ownerReferences = [makeApp().controllerReference]
        }
        #expect(RevisionController.decide(revision, ownerUID: "app-uid") == [])
        #expect(RevisionController.decide(revision, ownerUID: "another") == [.remove(revision.key)])
        #expect(RevisionController.decide(revision, ownerUID: nil) == [.remove(revision.key)])
    }
}

struct NamespaceControllerTests {
    @Test func `the namespaces that always exist are made when they do not`() {
        let made = NamespaceController.bootstrap(existing: ["default", "x"], now: start, ids: CountingIDs())
        #expect(made.count == 1)
        guard case .createNamespace(let namespace)? = made.first else {
            Issue.record("no namespace is made")
            return
        }
        #expect(namespace.name == "martlet-system")
        #expect(namespace.metadata.finalizers == [WellKnown.namespaceFinalizer])
        #expect(namespace.status?.phase == "Active")
    }

    @Test func `a namespace is taken into care once`() {
        var namespace = shop
        #expect(
            NamespaceController.decide(NamespaceSnapshot(namespace: namespace), now: start) == [
                .setNamespacePhase(namespace.key, "Active"),
                .setFinalizers(namespace.key, [WellKnown.namespaceFinalizer]),
            ])
        namespace.status = NamespaceStatus { $0.phase = "Active" }
        namespace.metadata.finalizers = [WellKnown.namespaceFinalizer]
        #expect(NamespaceController.decide(NamespaceSnapshot(namespace: namespace), now: start) == [])
    }

    @Test func `a terminating namespace is emptied Apps first, pods next, the rest last`() {
        var namespace = shop
        namespace.metadata.deletionTimestamp = start
        namespace.metadata.finalizers = [WellKnown.namespaceFinalizer]
        namespace.status = NamespaceStatus { $0.phase = "Terminating" }
        let pod = Pod {
            $0.metadata.name = "bare"
            $0.metadata.namespace = "shop"
        }
        let secret = ObjectKey(.secret, namespace: "shop", name: "db")
        var snapshot = NamespaceSnapshot(
            namespace: namespace, apps: [makeApp()], pods: [pod],
            others: [NamespaceContent(key: secret, metadata: ObjectMeta())])
        func decide() -> [Action] { NamespaceController.decide(snapshot, now: start) }

        #expect(decide() == [.requestDeletion(makeApp().key, at: start, gracePeriodSeconds: nil)])
        snapshot.apps[0].metadata.deletionTimestamp = start
        #expect(decide() == [])
        snapshot.apps = []
        #expect(decide() == [.remove(pod.key)])
        snapshot.pods = []
        #expect(decide() == [.remove(secret)])
        snapshot.others = []
        #expect(decide() == [.setFinalizers(namespace.key, [])])
    }
}
