import Model
import Store

/// The objects of one type, decoded.
struct Table<Value: Resource> {
    /// One object: as it is stored, and what it says.
    struct Entry {
        let stored: StoredObject
        let value: Value
    }
    private(set) var entries: [ObjectKey: Entry] = [:]

    subscript(key: ObjectKey) -> Entry? {
        get { entries[key] }
        set { entries[key] = newValue }
    }

    /// All values, in order of their keys.
    var values: [Value] { keys.compactMap { entries[$0]?.value } }
    /// All keys, in order.
    var keys: [ObjectKey] { entries.keys.sorted() }
}

/// What the control plane knows of the store, decoded and indexed; fed by one watch.
struct ClusterView {
    /// The store's revision that the view shows.
    private(set) var revision: StoreRevision = 0
    private(set) var apps = Table<App>()
    private(set) var revisions = Table<Revision>()
    private(set) var pods = Table<Pod>()
    private(set) var nodes = Table<Node>()
    private(set) var namespaces = Table<Namespace>()
    /// What only one App at a time can have.
    private(set) var claims = AppClaims()
    private var revisionsByApp = KeyIndex()
    private var podsByRevision = KeyIndex()
    private var podsByNode = KeyIndex()
    private var revisionKeys: [String: ObjectKey] = [:]
    /// Pods that wait for a node.
    private(set) var unplaced: Set<ObjectKey> = []
    /// Objects that do not decode, and why; decisions do not see them.
    private(set) var unreadable: [ObjectKey: String] = [:]

    /// An empty view.
    init() {}

    /// The view of a list.
    init(_ objects: [StoredObject], revision: StoreRevision) {
        for object in objects { put(object) }
        self.revision = revision
    }

    /// Takes a change; false for one that the view shows already.
    mutating func apply(_ event: StoreEvent) -> Bool {
        guard event.object.revision > revision else { return false }
        if event.change == .deleted { remove(event.object.key) } else { put(event.object) }
        return true
    }

    /// Notes that everything up to a revision is shown.
    mutating func advance(to revision: StoreRevision) { self.revision = max(self.revision, revision) }

    /// The object under a key, of the types that the view holds.
    func stored(_ key: ObjectKey) -> StoredObject? {
        switch key.type {
        case .app: apps[key]?.stored
        case .revision: revisions[key]?.stored
        case .pod: pods[key]?.stored
        case .node: nodes[key]?.stored
        case .namespace: namespaces[key]?.stored
        default: nil
        }
    }

    private mutating func put(_ object: StoredObject) {
        remove(object.key)
        do {
            switch object.key.type {
            case .app: try putApp(object)
            case .revision: try putRevision(object)
            case .pod: try putPod(object)
            case .node: nodes[object.key] = .init(stored: object, value: try object.decoded())
            case .namespace: namespaces[object.key] = .init(stored: object, value: try object.decoded())
            default: break
            }
        } catch {
            unreadable[object.key] = String(describing: error)
        }
    }

    private mutating func putApp(_ object: StoredObject) throws {
        let value: App = try object.decoded()
        apps[object.key] = .init(stored: object, value: value)
        claims.insert(value)
    }

    /// The Apps for which another App's claims have come or gone, each told once.
    mutating func takeDisturbedApps() -> Set<ObjectKey> { claims.takeDisturbed() }

    private mutating func putRevision(_ object: StoredObject) throws {
        let value: Revision = try object.decoded()
        revisions[object.key] = .init(stored: object, value: value)
        revisionsByApp.insert(object.key, under: value.metadata.controller?.uid)
        revisionKeys[value.uid] = object.key
    }

    private mutating func putPod(_ object: StoredObject) throws {
        let value: Pod = try object.decoded()
        pods[object.key] = .init(stored: object, value: value)
        podsByRevision.insert(object.key, under: value.metadata.controller?.uid)
        podsByNode.insert(object.key, under: value.spec.nodeName)
        if value.spec.nodeName == nil, value.metadata.deletionTimestamp == nil { unplaced.insert(object.key) }
    }

    private mutating func remove(_ key: ObjectKey) {
        unreadable[key] = nil
        switch key.type {
        case .app:
            guard let old = apps[key]?.value else { return }
            apps[key] = nil
            claims.remove(old)
        case .node: nodes[key] = nil
        case .namespace: namespaces[key] = nil
        case .revision:
            guard let old = revisions[key]?.value else { return }
            revisions[key] = nil
            revisionsByApp.remove(key, under: old.metadata.controller?.uid)
            revisionKeys[old.uid] = nil
        case .pod:
            guard let old = pods[key]?.value else { return }
            pods[key] = nil
            podsByRevision.remove(key, under: old.metadata.controller?.uid)
            podsByNode.remove(key, under: old.spec.nodeName)
            unplaced.remove(key)
        default: break
        }
    }
}

// MARK: - Lookups

extension ClusterView {
    /// The revisions that an App controls, in order of their keys.
    func revisions(of app: App) -> [Revision] {
        revisionsByApp[app.uid].compactMap { revisions[$0]?.value }
    }

    /// The pods that a revision controls, in order of their keys.
    func pods(of revision: Revision) -> [Pod] { podsByRevision[revision.uid].compactMap { pods[$0]?.value } }

    /// The pods on a node, in order of their keys.
    func pods(onNode name: String) -> [ObjectKey] { podsByNode[name] }

    /// The App that a revision belongs to.
    func appKey(of revision: Revision) -> ObjectKey? {
        revision.metadata.controller.map { ObjectKey(.app, namespace: revision.namespace, name: $0.name) }
    }

    /// The App that a pod belongs to.
    func appKey(of pod: Pod) -> ObjectKey? {
        guard let owner = pod.metadata.controller, let key = revisionKeys[owner.uid] else { return nil }
        return revisions[key].flatMap { appKey(of: $0.value) }
    }

    /// The namespace's object, if it is not being deleted.
    func activeNamespace(_ name: String) -> Namespace? {
        let value = namespaces[ObjectKey(.namespace, namespace: "", name: name)]?.value
        return value?.metadata.deletionTimestamp == nil ? value : nil
    }

    /// The names of all nodes.
    var nodeNames: Set<String> { Set(nodes.entries.keys.map(\.name)) }
}

/// Keys by some property of their objects.
private struct KeyIndex {
    private var keys: [String: Set<ObjectKey>] = [:]

    /// The keys under a value, in order.
    subscript(value: String) -> [ObjectKey] { keys[value]?.sorted() ?? [] }

    mutating func insert(_ key: ObjectKey, under value: String?) {
        if let value { keys[value, default: []].insert(key) }
    }

    mutating func remove(_ key: ObjectKey, under value: String?) {
        guard let value else { return }
        keys[value]?.remove(key)
        if keys[value]?.isEmpty == true { keys[value] = nil }
    }
}
