import Controllers
import Model
import Store

extension ReconcileEngine {
    /// Marks everything dirty.
    func markAll() {
        queue.add(.bootstrap)
        for keys in [view.namespaces.keys, view.apps.keys, view.revisions.keys, view.pods.keys] {
            for key in keys { queue.add(.object(key)) }
        }
        queue.add(.scheduling)
        queue.add(.events)
    }

    /// Marks what a change may make a difference to.
    func mark(_ event: StoreEvent, now: Timestamp) {
        let key = event.object.key
        switch key.type {
        case .app: markApp(event)
        case .revision: markRevision(event)
        case .pod: markPod(event)
        case .node: markNode(event)
        case .namespace:
            queue.add(event.change == .deleted ? .bootstrap : .object(key))
            for app in view.apps.keys where app.namespace == key.name { queue.add(.object(app)) }
        case .configMap, .secret: markReaders(of: key)
        case .event: queue.add(.events, at: now + .minutes(1))
        default: break
        }
        if !key.namespace.isEmpty, view.activeNamespace(key.namespace) == nil {
            queue.add(.object(ObjectKey(.namespace, namespace: "", name: key.namespace)))
        }
    }

    private func markApp(_ event: StoreEvent) {
        queue.add(.object(event.object.key))
        for key in view.takeDisturbedApps().sorted() { queue.add(.object(key)) }
        guard event.change == .deleted else { return }
        for key in view.appsWithoutAddress { queue.add(.object(key)) }
        for key in view.revisions.keys where key.namespace == event.object.key.namespace {
            guard view.revisions[key]?.value.metadata.controller?.uid == event.object.uid else { continue }
            queue.add(.object(key))
        }
    }

    private func markRevision(_ event: StoreEvent) {
        queue.add(.object(event.object.key))
        guard let revision: Revision = try? event.object.decoded() else { return }
        if let app = view.appKey(of: revision) { queue.add(.object(app)) }
        guard event.change == .deleted else { return }
        for pod in view.pods(of: revision) { queue.add(.object(pod.key)) }
    }

    private func markPod(_ event: StoreEvent) {
        queue.add(.object(event.object.key))
        guard let pod: Pod = try? event.object.decoded() else { return }
        if let app = view.appKey(of: pod) { queue.add(.object(app)) }
        // Whether it waits for a node or has given something back to one; a bound pod that runs changes no placement.
        if !view.unplaced.isEmpty { queue.add(.scheduling) }
    }

    private func markNode(_ event: StoreEvent) {
        if !view.unplaced.isEmpty { queue.add(.scheduling) }
        guard event.change != .modified else { return }
        for key in view.pods(onNode: event.object.key.name) {
            queue.add(.object(key))
            if let app = view.pods[key].flatMap({ view.appKey(of: $0.value) }) { queue.add(.object(app)) }
        }
    }

    private func markReaders(of key: ObjectKey) {
        for app in view.apps.keys where app.namespace == key.namespace {
            guard let spec = view.apps[app]?.value.spec else { continue }
            if ConfigReferences(spec).names(of: key.type).contains(key.name) { queue.add(.object(app)) }
        }
    }
}
