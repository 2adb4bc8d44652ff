import ControlPlane
import Model
import Store
import Synchronization
import Testing
import Threads

/// The loop with its threads and the machine's clock.
struct ControlPlaneThreadTests {
    private struct Resolver: ImageResolver {
        func resolve(_ reference: String) -> Result<String?, ImageResolutionError> {
            reference.hasPrefix("bad")
                ? .failure(ImageResolutionError(message: "no such image")) : .success("sha256:abc")
        }
    }

    /// Waits until an event of the store makes something true.
    private func wait(for store: TestStore, until isTrue: @escaping @Sendable () -> Bool) throws {
        let signal = WakeSignal()
        let watch = try store.watch(StoreScope(type: nil), after: store.revision) { _ in signal.raise() }
        defer { watch.cancel() }
        while !isTrue() { signal.wait(atMost: .seconds(60)) }
    }

    @Test func `started, it brings pods about; stopped, it writes no more; started again, it goes on`() throws {
        let store = TestStore()
        try store.put(makeNode())
        try store.put(makeApp(2, image: "web:1"))
        let plane = ControlPlane(store: store, imageResolver: Resolver())
        plane.start()
        plane.start()
        try wait(for: store) { (try? store.all(Pod.self))?.count { $0.spec.nodeName != nil } == 2 }
        #expect(try store.all(Pod.self).first?.spec.containers.first?.image == "web:1@sha256:abc")
        plane.stop()
        plane.stop()
        let revision = store.revision
        try store.edit(appKey) { (app: inout App) in app.spec.replicas = 3 }
        #expect(store.revision == revision + 1)
        plane.start()
        try wait(for: store) { (try? store.all(Pod.self))?.count == 3 }
        plane.stop()
    }

    @Test func `what the resolver says is wrong is said on the App`() throws {
        let store = TestStore()
        try store.put(makeApp(1, image: "bad:1"))
        let plane = ControlPlane(store: store, imageResolver: Resolver())
        plane.start()
        try wait(for: store) {
            let app: App? = try? store.get(appKey)?.decoded()
            return app?.status?.conditions["Progressing"]?.reason == "ImageUnavailable"
        }
        plane.stop()
    }

    @Test func `a signal that was raised before the wait ends it at once`() {
        let signal = WakeSignal()
        signal.raise()
        SystemClock().wait(for: signal, until: SystemClock().now() + .hours(1))
        signal.wait(atMost: .zero)
    }
}
