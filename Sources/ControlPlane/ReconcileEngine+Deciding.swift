import Controllers
import Model
import Scheduler
import Store

/// What was decided, and what must still be so when it is carried out, beside the objects that it changes.
struct Decision {
    var actions: [Action] = []
    var preconditions: [StorePrecondition] = []
}

extension ReconcileEngine {
    /// Builds the snapshot of a key and decides.
    func decide(_ key: WorkKey, now: Timestamp) -> Decision {
        switch key {
        case .bootstrap:
            let existing = Set(view.namespaces.entries.keys.map(\.name))
            return Decision(actions: NamespaceController.bootstrap(existing: existing, now: now, ids: ids))
        case .scheduling: return decidePlacement(now: now)
        case .events: return Decision(actions: expiredEvents(now: now))
        case .object(let key):
            switch key.type {
            case .app: return decideApp(key, now: now)
            case .pod: return decidePod(key, now: now)
            case .revision: return decideRevision(key)
            case .namespace: return decideNamespace(key, now: now)
            default: return Decision()
            }
        }
    }

    private func decideApp(_ key: ObjectKey, now: Timestamp) -> Decision {
        guard let entry = view.apps[key] else { return Decision() }
        var preconditions: [StorePrecondition] = [.revision(key, entry.stored.revision)]
        let namespaceKey = ObjectKey(.namespace, namespace: "", name: key.namespace)
        let namespace = view.namespaces[namespaceKey]
        if let namespace { preconditions.append(.revision(namespaceKey, namespace.stored.revision)) }
        let references = ConfigReferences(entry.value.spec)
        let revisions = view.revisions(of: entry.value)
        var snapshot = AppSnapshot(
            app: entry.value, revisions: revisions, pods: revisions.flatMap { view.pods(of: $0) },
            configMaps: read(references.names(of: .configMap), .configMap, key.namespace, &preconditions),
            secrets: read(references.names(of: .secret), .secret, key.namespace, &preconditions),
            namespace: namespace?.value, nodeNames: view.nodeNames, resolutions: resolutions[key] ?? [])
        snapshot.address = view.addressOffer(to: entry.value, options.virtualAddresses)
        snapshot.lostRoutes = options.virtualAddresses == nil ? [] : view.lostRoutes(of: entry.value)
        let actions = AppController.decide(snapshot, now: now, ids: ids)
        return Decision(actions: actions, preconditions: preconditions)
    }

    /// Reads objects that the view does not hold, and asks that they stay as they are.
    private func read<Value: Resource>(
        _ names: [String], _ type: ResourceType, _ namespace: String, _ preconditions: inout [StorePrecondition]
    ) -> [Value] {
        names.compactMap { name in
            let key = ObjectKey(type, namespace: namespace, name: name)
            guard let object = store.get(key) else {
                preconditions.append(.absent(key))
                return nil
            }
            preconditions.append(.revision(key, object.revision))
            return try? object.decoded()
        }
    }

    private func decidePod(_ key: ObjectKey, now: Timestamp) -> Decision {
        guard let pod = view.pods[key]?.value else { return Decision() }
        let owner = pod.metadata.controller
        // Only revisions control pods here; a controller of any other kind is none of ours and is taken to exist.
        let revisionKey = ObjectKey(.revision, namespace: key.namespace, name: owner?.name ?? "")
        let ownerUID = owner?.kind == "Revision" ? view.revisions[revisionKey]?.value.uid : owner?.uid
        let nodeExists = pod.spec.nodeName.map {
            view.nodes[ObjectKey(.node, namespace: "", name: $0)] != nil
        }
        let snapshot = PodSnapshot(pod: pod, ownerUID: ownerUID, nodeExists: nodeExists ?? true)
        return Decision(actions: PodController.decide(snapshot, now: now))
    }

    private func decideRevision(_ key: ObjectKey) -> Decision {
        guard let revision = view.revisions[key]?.value else { return Decision() }
        let appUID = view.appKey(of: revision).flatMap { view.apps[$0]?.value.uid }
        return Decision(actions: RevisionController.decide(revision, ownerUID: appUID))
    }

    private func decideNamespace(_ key: ObjectKey, now: Timestamp) -> Decision {
        guard let namespace = view.namespaces[key]?.value else { return Decision() }
        var snapshot = NamespaceSnapshot(namespace: namespace, nodeNames: view.nodeNames)
        if namespace.metadata.deletionTimestamp != nil {
            let objects = store.list(StoreScope(type: nil, namespace: key.name)).objects
            snapshot = NamespaceSnapshot(
                namespace: namespace, apps: objects.compactMap { view.apps[$0.key]?.value },
                pods: objects.compactMap { view.pods[$0.key]?.value },
                others: objects.filter { $0.key.type != .app && $0.key.type != .pod }.compactMap { object in
                    let metadata = object.document["metadata"].flatMap { try? ObjectMeta(json: $0) }
                    return NamespaceContent(key: object.key, metadata: metadata ?? ObjectMeta())
                }, nodeNames: view.nodeNames)
        }
        return Decision(actions: NamespaceController.decide(snapshot, now: now))
    }

    // MARK: - Placement

    private func decidePlacement(now: Timestamp) -> Decision {
        guard !view.unplaced.isEmpty else { return Decision() }
        let pods = view.pods.values
        var scheduler = Scheduler(nodes: view.nodes.values, pods: pods)
        var decision = Decision()
        for placement in scheduler.place(pods) {
            switch placement {
            case .bind(let pod, let node):
                let note = EventNote(pod, reason: "Scheduled", message: "placed on node \(node)")
                decision.actions += [.bind(pod.key, node: node), .event(note)]
                decision.preconditions.append(.present(ObjectKey(.node, namespace: "", name: node)))
            case .unplaceable(let pod, let message):
                let present = (pod.status?.conditions ?? [])["PodScheduled"]
                guard present?.status != "False" || present?.message != message else { continue }
                let note = EventNote(pod, warning: true, reason: "FailedScheduling", message: message)
                let condition = Condition("PodScheduled", false, reason: "Unschedulable", message: message)
                decision.actions += [.setPodCondition(pod.key, condition), .event(note)]
            }
        }
        return decision
    }

    // MARK: - Events

    /// Removes events that last happened too long ago, and the oldest beyond the limit.
    private func expiredEvents(now: Timestamp) -> [Action] {
        let events = store.list(StoreScope(type: .event)).objects.map { object in
            let text = object.document["lastTimestamp"]?.string ?? ""
            return (time: Timestamp(text) ?? now, key: object.key)
        }
        let byAge = events.sorted { ($0.time, $0.key) < ($1.time, $1.key) }
        let surplus = max(0, byAge.count - options.eventLimit)
        let expired = byAge.enumerated().filter {
            $0.offset < surplus || $0.element.time + options.eventLifetime <= now
        }
        var actions: [Action] = expired.map { .remove($0.element.key) }
        if byAge.count > expired.count {
            let next = byAge[expired.count]
            actions.append(.wakeAt(next.time + options.eventLifetime, next.key))
        }
        return actions
    }
}
