public import Model

/// All that a decision about one namespace may know.
public struct NamespaceSnapshot: Sendable {
    /// The namespace.
    public var namespace: Namespace
    /// Its Apps.
    public var apps: [App]
    /// Its pods.
    public var pods: [Pod]
    /// Everything else in it, and the finalizers of each.
    public var others: [NamespaceContent]
    /// The nodes that exist.
    public var nodeNames: Set<String>

    /// Makes a snapshot; lists are brought into order.
    public init(
        namespace: Namespace, apps: [App] = [], pods: [Pod] = [], others: [NamespaceContent] = [],
        nodeNames: Set<String> = []
    ) {
        self.namespace = namespace
        self.apps = apps.sorted { $0.name < $1.name }
        self.pods = pods.sorted { $0.name < $1.name }
        self.others = others.sorted { $0.key < $1.key }
        self.nodeNames = nodeNames
    }
}

/// An object in a namespace that is being emptied.
public struct NamespaceContent: Hashable, Sendable {
    /// Where it is stored.
    public var key: ObjectKey
    /// What it says about itself.
    public var metadata: ObjectMeta

    /// Makes an entry.
    public init(key: ObjectKey, metadata: ObjectMeta) {
        self.key = key
        self.metadata = metadata
    }
}

/// Decides about namespaces: made at the start, emptied before they go.
public enum NamespaceController {
    /// Makes the namespaces that always exist.
    ///
    /// - Parameter existing: the names of the namespaces there are.
    public static func bootstrap(existing: Set<String>, now: Timestamp, ids: any IDSource) -> [Action] {
        WellKnown.namespaces.filter { !existing.contains($0) }.map { name in
            .createNamespace(
                Namespace {
                    $0.metadata.name = name
                    $0.metadata.uid = ids.uid()
                    $0.metadata.generation = 1
                    $0.metadata.creationTimestamp = now.wholeSeconds
                    $0.metadata.finalizers = [WellKnown.namespaceFinalizer]
                    $0.status = NamespaceStatus { $0.phase = "Active" }
                })
        }
    }

    /// What to do about one namespace. A terminating one is emptied in order: Apps, which stop their pods, then other pods,
    /// then the rest; then it is let go of.
    public static func decide(_ snapshot: NamespaceSnapshot, now: Timestamp) -> [Action] {
        let namespace = snapshot.namespace
        let isTerminating = namespace.metadata.deletionTimestamp != nil
        var actions: [Action] = []
        let phase = isTerminating ? "Terminating" : "Active"
        if namespace.status?.phase != phase { actions.append(.setNamespacePhase(namespace.key, phase)) }
        let finalizers = namespace.metadata.finalizers
        guard isTerminating else {
            if !finalizers.contains(WellKnown.namespaceFinalizer) {
                actions.append(.setFinalizers(namespace.key, finalizers + [WellKnown.namespaceFinalizer]))
            }
            return actions
        }
        let (emptying, isEmpty) = empty(snapshot, now: now)
        actions += emptying
        if isEmpty, finalizers.contains(WellKnown.namespaceFinalizer) {
            let left = finalizers.filter { $0 != WellKnown.namespaceFinalizer }
            actions.append(.setFinalizers(namespace.key, left))
        }
        return actions
    }

    /// The next stage of emptying; the stage after it begins when the objects of this one are gone.
    private static func empty(_ snapshot: NamespaceSnapshot, now: Timestamp) -> (actions: [Action], isEmpty: Bool) {
        if !snapshot.apps.isEmpty {
            let apps = snapshot.apps.map { NamespaceContent(key: $0.key, metadata: $0.metadata) }
            return (apps.compactMap { deletion(of: $0, now: now) }, false)
        }
        if !snapshot.pods.isEmpty {
            let running = snapshot.pods.filter { !$0.isTerminating }
            return (running.map { $0.stop(now: now, nodeNames: snapshot.nodeNames) }, false)
        }
        return (snapshot.others.compactMap { deletion(of: $0, now: now) }, snapshot.others.isEmpty)
    }

    private static func deletion(of content: NamespaceContent, now: Timestamp) -> Action? {
        if content.metadata.finalizers.isEmpty { return .remove(content.key) }
        if content.metadata.deletionTimestamp != nil { return nil }
        return .requestDeletion(content.key, at: now.wholeSeconds, gracePeriodSeconds: nil)
    }
}
