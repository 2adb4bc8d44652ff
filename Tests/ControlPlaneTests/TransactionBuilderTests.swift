import Controllers
import Model
import Store
import Testing

@testable import ControlPlane

struct TransactionBuilderTests {
    private let store = TestStore()

    private func view() -> ClusterView {
        let (objects, revision) = store.list(StoreScope(type: nil))
        return ClusterView(objects, revision: revision)
    }

    private func build(_ actions: [Action], _ view: ClusterView) throws -> StoreTransaction? {
        var builder = TransactionBuilder(view: view, store: store, now: start, preconditions: [])
        for action in actions { try builder.apply(action) }
        return builder.transaction
    }

    @Test func `a decision about an object that has changed since is refused`() throws {
        try store.put(makeApp())
        let stale = view()
        let revision = try #require(stale.stored(appKey)?.revision)
        try store.edit(appKey) { (app: inout App) in app.spec.replicas = 7 }
        for action in [Action.setAppStatus(appKey, AppStatus()), .setFinalizers(appKey, ["x"]), .remove(appKey)] {
            let transaction = try #require(try build([action], stale))
            #expect(throws: StoreError.conflict(.revision(appKey, revision))) { try store.commit(transaction) }
        }
        #expect(try store.all(App.self).first?.spec.replicas == 7)
    }

    @Test func `actions about one object are one write`() throws {
        try store.put(makeApp())
        let status = AppStatus { $0.replicas = 4 }
        let transaction = try #require(
            try build([.setFinalizers(appKey, ["x"]), .setAppStatus(appKey, status)], view()))
        #expect(transaction.writes.count == 1)
        let commit = try store.commit(transaction)
        let stored = commit.events.first?.object
        let app: App? = try stored?.decoded()
        #expect(app?.metadata.finalizers == ["x"])
        #expect(app?.status == status)
        #expect(stored?.document["spec"] == makeApp().document["spec"])
    }

    @Test func `a deleted object goes with its last finalizer, another stays`() throws {
        var app = makeApp()
        app.metadata.finalizers = ["x"]
        try store.put(app)
        _ = try store.commit(try #require(try build([.setFinalizers(appKey, [])], view())))
        #expect(store.get(appKey) != nil)
        app.metadata.deletionTimestamp = start
        try store.put(app)
        _ = try store.commit(try #require(try build([.setFinalizers(appKey, [])], view())))
        #expect(store.get(appKey) == nil)
    }

    @Test func `what is made must not be there yet`() throws {
        let pod = Pod {
            $0.metadata.name = "web-1"
            $0.metadata.namespace = "default"
        }
        let transaction = try #require(try build([.createPod(pod)], view()))
        _ = try store.commit(transaction)
        #expect(throws: StoreError.conflict(.absent(pod.key))) { try store.commit(transaction) }
    }

    @Test func `changing what is gone is stale, removing it is done`() throws {
        #expect(throws: StaleDecision(key: appKey)) { try build([.setFinalizers(appKey, [])], view()) }
        let nothing = try build([.remove(appKey), .wakeAt(start, appKey)], view())
        #expect(nothing?.writes.count == nil)
    }

    @Test func `binding writes the node and says that the pod is placed`() throws {
        let pod = Pod {
            $0.metadata.name = "web-1"
            $0.metadata.namespace = "default"
        }
        try store.put(pod)
        let failed = Condition("PodScheduled", false, reason: "Unschedulable", message: "full")
        _ = try store.commit(try #require(try build([.setPodCondition(pod.key, failed)], view())))
        _ = try store.commit(try #require(try build([.bind(pod.key, node: "one")], view())))
        let bound = try #require(try store.all(Pod.self).first)
        #expect(bound.spec.nodeName == "one")
        #expect(bound.status?.conditions.map(\.status) == ["True"])
        #expect(bound.status?.conditions.first?.lastTransitionTime == start)
    }
}
