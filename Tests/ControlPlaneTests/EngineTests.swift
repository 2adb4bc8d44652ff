import ControlPlane
import Controllers
import Model
import Store
import Testing

struct EngineTests {
    private func deployed(_ replicas: Int = 2) throws -> Cluster {
        let cluster = Cluster()
        try cluster.store.put(makeNode())
        cluster.settle()
        try cluster.store.put(makeApp(replicas))
        try cluster.converge()
        return cluster
    }

    @Test func `the namespaces that always exist are made at the start`() throws {
        let cluster = Cluster()
        cluster.settle()
        #expect(try cluster.store.all(Namespace.self).map(\.name) == ["default", "martlet-system"])
    }

    @Test func `an App becomes a revision and pods that run on a node`() throws {
        let cluster = try deployed()
        let pods = try cluster.pods()
        #expect(pods.count == 2)
        #expect(pods.allSatisfy { $0.spec.nodeName == "one" })
        #expect(pods.allSatisfy { $0.status?.conditions["PodScheduled"]?.status == "True" })
        #expect(try cluster.store.all(Revision.self).count == 1)
        let status = try cluster.app()?.status
        #expect(status?.availableReplicas == 2)
        #expect(status?.conditions["Progressing"]?.reason == "NewRevisionAvailable")
        let reasons = try cluster.store.all(Event.self).compactMap(\.reason)
        #expect(Set(reasons) == ["RevisionCreated", "ScalingUp", "Scheduled", "RolloutComplete"])
    }

    @Test func `an idle cluster writes nothing`() throws {
        let cluster = try deployed(3)
        let (revision, commits) = (cluster.store.revision, cluster.store.commits)
        cluster.advance(.minutes(50))
        #expect(cluster.store.revision == revision)
        #expect(cluster.store.commits == commits)
    }

    @Test func `a new image is rolled out and the old pods go`() throws {
        let cluster = try deployed()
        try cluster.store.edit(appKey) { (app: inout App) in
            app.spec.image = "rootfs:/v2"
            app.metadata.generation = 2
        }
        try cluster.converge()
        #expect(try cluster.pods().map { $0.spec.containers.first?.image } == ["rootfs:/v2", "rootfs:/v2"])
        #expect(try cluster.app()?.status?.observedGeneration == 2)
        #expect(cluster.requests.map(\.reference) == ["rootfs:/v1", "rootfs:/v2"])
    }

    @Test func `a digest that cannot be found is said, and asked for again when its time has come`() throws {
        let cluster = Cluster()
        try cluster.store.put(makeNode())
        try cluster.store.put(makeApp(1, image: "web:1"))
        cluster.settle { ImageResolution(reference: $0, digest: nil, error: "no such host") }
        #expect(try cluster.app()?.status?.conditions["Progressing"]?.reason == "ImageUnavailable")
        #expect(cluster.requests.count == 1)
        cluster.advance(.seconds(1))
        #expect(cluster.requests.count == 2)
        try cluster.converge()
        #expect(try cluster.app()?.status?.availableReplicas == 1)
    }

    @Test func `a request in flight is not made twice`() throws {
        let cluster = Cluster()
        try cluster.store.put(makeApp(1, image: "web:1"))
        cluster.settle { _ in nil }
        try cluster.store.edit(appKey) { (app: inout App) in app.metadata.labels["x"] = "y" }
        cluster.settle { _ in nil }
        #expect(cluster.requests.count == 1)
    }

    @Test func `a deleted App goes with everything it made`() throws {
        let cluster = try deployed()
        try cluster.store.edit(appKey) { (app: inout App) in app.metadata.deletionTimestamp = start }
        cluster.settle()
        #expect(try cluster.pods().allSatisfy { $0.metadata.deletionTimestamp != nil })
        #expect(try cluster.app() != nil)
        try cluster.converge()
        #expect(try cluster.app() == nil)
        #expect(try cluster.pods().isEmpty)
        #expect(try cluster.store.all(Revision.self).isEmpty)
    }

    @Test func `an App that was taken away by force leaves no orphans`() throws {
        let cluster = try deployed()
        try cluster.store.delete(appKey)
        try cluster.converge()
        #expect(try cluster.pods().isEmpty)
        #expect(try cluster.store.all(Revision.self).isEmpty)
    }

    @Test func `a deleted namespace is emptied and goes`() throws {
        let cluster = try deployed()
        try cluster.store.put(
            Namespace {
                $0.metadata.name = "shop"
                $0.metadata.uid = "shop-uid"
            })
        var app = makeApp(1)
        app.metadata.namespace = "shop"
        app.metadata.uid = "shop-app"
        try cluster.store.put(app)
        try cluster.store.put(
            ConfigMap {
                $0.metadata.name = "settings"
                $0.metadata.namespace = "shop"
            })
        try cluster.converge()
        #expect(try cluster.pods().count == 3)
        let key = ObjectKey(.namespace, namespace: "", name: "shop")
        try cluster.store.edit(key) { (namespace: inout Namespace) in namespace.metadata.deletionTimestamp = start }
        cluster.settle()
        let namespace: Namespace? = try cluster.store.get(key)?.decoded()
        #expect(namespace?.status?.phase == "Terminating")
        try cluster.converge()
        #expect(cluster.store.list(StoreScope(type: nil, namespace: "shop")).objects.isEmpty)
        #expect(cluster.store.get(key) == nil)
        #expect(try cluster.pods().count == 2)
    }

    @Test func `pods of a node that is gone are replaced on another`() throws {
        let cluster = try deployed()
        try cluster.store.put(makeNode("two"))
        try cluster.store.delete(ObjectKey(.node, namespace: "", name: "one"))
        try cluster.converge()
        #expect(try cluster.pods().map(\.spec.nodeName) == ["two", "two"])
    }

    @Test func `a pod that fits nowhere says why, and is placed when it fits`() throws {
        let cluster = Cluster()
        try cluster.store.put(makeNode(cpu: 1000))
        var app = makeApp(1)
        app.spec.resources = ResourceRequirements { $0.requests = ["cpu": .millicores(2000)] }
        try cluster.store.put(app)
        cluster.settle()
        let message = "0 of 1 nodes fit: 1 needs 2 cpu, 0 of 1 cpu requested already"
        #expect(try cluster.pods().first?.status?.conditions["PodScheduled"]?.message == message)
        #expect(try cluster.app()?.status?.conditions["Progressing"]?.reason == "Unschedulable")
        let revision = cluster.store.revision
        cluster.advance(.minutes(6))
        #expect(cluster.store.revision == revision)
        try cluster.store.put(makeNode("two"))
        try cluster.converge()
        #expect(try cluster.pods().map(\.spec.nodeName) == ["two"])
    }

    @Test func `a Secret that changes reaches the pods that read it`() throws {
        let cluster = Cluster()
        try cluster.store.put(makeNode())
        var app = makeApp(1)
        app.spec.env = ["URL": .secret(name: "db", key: "url")]
        try cluster.store.put(app)
        cluster.settle()
        #expect(try cluster.app()?.status?.conditions["Progressing"]?.reason == "MissingConfig")
        for value in ["eA==", "eQ=="] {
            try cluster.store.put(
                Secret {
                    $0.metadata.name = "db"
                    $0.metadata.namespace = "default"
                    $0.metadata.uid = "db-uid"
                    $0.data = ["url": value]
                })
            try cluster.converge()
        }
        #expect(try cluster.store.all(Revision.self).map(\.spec.revision).sorted() == [1, 2])
        #expect(try cluster.app()?.status?.availableReplicas == 1)
    }
}

struct EngineFaultTests {
    @Test func `a conflict is decided again`() throws {
        let cluster = Cluster()
        try cluster.store.put(makeNode())
        cluster.settle()
        try cluster.store.put(makeApp())
        let conflict = StoreError.conflict(.absent(appKey))
        cluster.store.refuse(conflict, .full("no space left on device"), conflict)
        cluster.advance(.seconds(2))
        try cluster.converge()
        #expect(try cluster.app()?.status?.availableReplicas == 2)
    }

    @Test func `what the watch did not tell is found by the next full pass`() throws {
        let cluster = Cluster()
        try cluster.store.put(makeNode())
        cluster.settle()
        cluster.store.setDeaf(true)
        try cluster.store.put(makeApp())
        cluster.settle()
        #expect(try cluster.pods().isEmpty)
        cluster.store.setDeaf(false)
        cluster.advance(.minutes(5))
        try cluster.converge()
        #expect(try cluster.app()?.status?.availableReplicas == 2)
    }

    @Test func `a clock that is set back by a day holds nothing up`() throws {
        let cluster = Cluster()
        try cluster.store.put(makeNode())
        cluster.settle()
        cluster.store.setDeaf(true)
        try cluster.store.put(makeApp())
        cluster.settle()
        cluster.store.setDeaf(false)
        cluster.setClock(back: .hours(24))
        cluster.advance(.minutes(5))
        try cluster.converge()
        #expect(try cluster.app()?.status?.availableReplicas == 2)
    }

    @Test func `a watch that ended is opened again, and nothing is lost`() throws {
        let cluster = Cluster()
        try cluster.store.put(makeNode())
        cluster.settle()
        cluster.store.dropWatches()
        try cluster.store.put(makeApp())
        try cluster.converge()
        #expect(try cluster.app()?.status?.availableReplicas == 2)
    }

    @Test func `an inbox that overflows is made good by reading everything`() throws {
        let cluster = Cluster { $0.inboxLimit = 3 }
        try cluster.store.put(makeNode())
        cluster.settle()
        for index in 0..<10 {
            var node = makeNode("n\(index)")
            node.metadata.labels = ["x": "y"]
            try cluster.store.put(node)
        }
        try cluster.store.put(makeApp(8))
        try cluster.converge()
        #expect(try cluster.app()?.status?.availableReplicas == 8)
    }

    @Test func `a closed store ends the engine`() {
        let cluster = Cluster()
        cluster.settle()
        cluster.store.close()
        #expect(cluster.engine.step(now: start) == nil)
        #expect(cluster.engine.step(now: start) == nil)
    }

    @Test func `a broken store ends the engine`() throws {
        let cluster = Cluster()
        cluster.store.refuse(.failed("fsync: input/output error"))
        cluster.settle()
        #expect(cluster.engine.step(now: start) == nil)
    }

    @Test func `a second engine on the same store comes to the same end and writes nothing more`() throws {
        let cluster = Cluster()
        try cluster.store.put(makeNode())
        try cluster.store.put(makeApp(3))
        try cluster.converge()
        let revision = cluster.store.revision
        let inbox = Inbox()
        let second = ReconcileEngine(store: cluster.store, ids: CountingIDs(), inbox: inbox) { _ in }
        while let next = second.step(now: start), next <= start {}
        #expect(cluster.store.revision == revision)
    }
}

struct EventTests {
    @Test func `equal events are counted, old ones go after their hour`() throws {
        let cluster = Cluster()
        try cluster.store.put(makeNode())
        try cluster.store.put(makeApp(1))
        try cluster.converge()
        for replicas in [2, 1, 2] {
            try cluster.store.edit(appKey) { (app: inout App) in app.spec.replicas = replicas }
            try cluster.converge()
        }
        let events = try cluster.store.all(Event.self).filter { $0.reason == "ScalingUp" }
        #expect(events.count == 1)
        #expect(events.first?.count == 3)
        #expect(events.first?.involvedObject.name == "web")
        #expect(events.first?.name.hasPrefix("web.") == true)
        cluster.advance(.minutes(59))
        #expect(try !cluster.store.all(Event.self).isEmpty)
        cluster.advance(.minutes(3))
        #expect(try cluster.store.all(Event.self).isEmpty)
    }

    @Test func `events beyond the limit go, oldest first`() throws {
        let cluster = Cluster { $0.eventLimit = 2 }
        try cluster.store.put(makeNode())
        try cluster.store.put(makeApp(3))
        try cluster.converge()
        #expect(try cluster.store.all(Event.self).count > 2)
        cluster.advance(.minutes(2))
        #expect(try cluster.store.all(Event.self).count == 2)
    }
}
