public import Model

/// Something that is wrong with a stored object, seen together with all others.
public struct IntegrityFault: Hashable, Sendable {
    /// What kind of fault it is.
    public enum Kind: String, Hashable, Sendable, CaseIterable {
        /// The document is not one of its type, or says that it is stored elsewhere.
        case unreadable
        /// It has no `metadata.uid`, or another object has the same one.
        case identity
        /// It lies in a namespace that does not exist.
        case namespace
        /// It is controlled by an object that does not exist, or by one of the same name with another uid.
        case owner
        /// A pod is on a node that does not exist.
        case node
        /// An App's status names a revision that does not exist.
        case revision
        /// Its deletion was asked for, nobody holds it, and it is there all the same.
        case released
        /// The pods on a node request more than the node can give.
        case overcommitted
        /// Two pods that live have the same address.
        case address
        /// Its deletion waits for somebody who is not there.
        case finalizer
    }
    /// Where the object is stored.
    public var key: ObjectKey
    /// What kind of fault it is.
    public var kind: Kind
    /// A sentence without a full stop that names what is missing or wrong.
    public var message: String
    /// Whether the control plane repairs it by itself. In a cluster in motion such faults come and go; in one at rest there are
    /// none.
    public var isPassing: Bool
}

extension IntegrityFault: CustomStringConvertible {
    /// `pods/shop/web-1: owner: Revision "web-x" does not exist`.
    public var description: String { "\(key): \(kind.rawValue): \(message)" }
}

/// Checks that what stored objects say of each other is so: every owner, namespace, node and revision that is named exists.
/// A pure function of one snapshot, for `fsck`, for tests, and for simulations.
public struct Integrity {
    private let objects: [(key: ObjectKey, document: JSONValue)]
    private var uids: [ObjectKey: String] = [:]
    private var demands: [String: NodeDemand] = [:]
    private var faults: [IntegrityFault] = []

    /// Everything that is wrong with a snapshot of all objects, in order of their keys.
    ///
    /// - Parameter objects: where each object is stored, and what is stored there.
    public static func faults(in objects: [(key: ObjectKey, document: JSONValue)]) -> [IntegrityFault] {
        var check = Integrity(objects)
        check.run()
        return check.faults
    }

    private init(_ objects: [(key: ObjectKey, document: JSONValue)]) {
        self.objects = objects.sorted { $0.key < $1.key }
        for object in objects {
            uids[object.key] = object.document["metadata"]?["uid"]?.string ?? ""
            guard object.key.type == .pod, let node = object.document["spec"]?["nodeName"]?.string else { continue }
            demands[node, default: NodeDemand()].add(object.document)
        }
    }

    private mutating func run() {
        var holders: [String: ObjectKey] = [:]
        for (key, document) in objects {
            guard let metadata = metadata(of: document, at: key) else { continue }
            checkIdentity(key, &holders)
            checkNamespace(key)
            checkOwner(key, metadata)
            checkRelease(key, metadata)
            switch key.type {
            case .pod: checkPlace(key, document)
            case .app: checkRevisions(key, document)
            case .node: checkCapacity(key, document)
            default: break
            }
        }
    }

    private mutating func report(
        _ key: ObjectKey, _ kind: IntegrityFault.Kind, passing: Bool = false, _ message: String
    ) {
        faults.append(IntegrityFault(key: key, kind: kind, message: message, isPassing: passing))
    }

    // MARK: - Checks

    /// The metadata of a document that is one of its type; nil, and a fault, for any other.
    private mutating func metadata(of document: JSONValue, at key: ObjectKey) -> ObjectMeta? {
        do {
            let metadata = try Self.decoded(document, as: key.type)
            guard document["apiVersion"]?.string == key.type.apiVersion, document["kind"]?.string == key.type.kind
            else {
                report(key, .unreadable, "it says that it is a \(document["kind"]?.string ?? "thing without a kind")")
                return nil
            }
            let own = ObjectKey(key.type, namespace: metadata.namespace ?? "", name: metadata.name ?? "")
            guard own == key else {
                report(key, .unreadable, "it says that it is \(own)")
                return nil
            }
            return metadata
        } catch {
            report(key, .unreadable, "it is no \(key.type.kind): \(error)")
            return nil
        }
    }

    private static func decoded(_ document: JSONValue, as type: ResourceType) throws -> ObjectMeta {
        func metadata<Value: Resource>(_: Value.Type) throws -> ObjectMeta {
            try Value(json: Defaults.completing(document, type: type)).metadata
        }
        switch type {
        case .app: return try metadata(App.self)
        case .revision: return try metadata(Revision.self)
        case .pod: return try metadata(Pod.self)
        case .node: return try metadata(Node.self)
        case .namespace: return try metadata(Namespace.self)
        case .configMap: return try metadata(ConfigMap.self)
        case .secret: return try metadata(Secret.self)
        case .event: return try metadata(Event.self)
        default: return try ObjectMeta(json: document["metadata"] ?? .null)
        }
    }

    private mutating func checkIdentity(_ key: ObjectKey, _ holders: inout [String: ObjectKey]) {
        guard let uid = uids[key], !uid.isEmpty else { return report(key, .identity, "it has no metadata.uid") }
        // An event's uid is made from its name; events of two namespaces may share one.
        guard key.type != .event else { return }
        if let holder = holders[uid] { report(key, .identity, "\(holder) has the same uid \(uid)") }
        if holders[uid] == nil { holders[uid] = key }
    }

    private mutating func checkNamespace(_ key: ObjectKey) {
        guard key.type.isNamespaced, uids[ObjectKey(.namespace, namespace: "", name: key.namespace)] == nil else {
            return
        }
        report(key, .namespace, "namespace \"\(key.namespace)\" does not exist")
    }

    private mutating func checkOwner(_ key: ObjectKey, _ metadata: ObjectMeta) {
        guard let owner = metadata.controller else { return }
        // An owner of a kind that is not stored here is taken to exist.
        guard let type = ResourceType.named(apiVersion: owner.apiVersion, kind: owner.kind) else { return }
        let isPassing = [.pod, .revision].contains(key.type)
        guard let uid = uids[ObjectKey(type, namespace: key.namespace, name: owner.name)] else {
            return report(key, .owner, passing: isPassing, "\(owner.kind) \"\(owner.name)\" does not exist")
        }
        guard uid != owner.uid else { return }
        report(
            key, .owner, passing: isPassing,
            "\(owner.kind) \"\(owner.name)\" has the uid \(uid) and not \(owner.uid): it is another one")
    }

    private mutating func checkRelease(_ key: ObjectKey, _ metadata: ObjectMeta) {
        guard metadata.deletionTimestamp != nil, metadata.finalizers.isEmpty, key.type != .pod else { return }
        report(key, .released, "its deletion was asked for and no finalizer holds it")
    }

    private mutating func checkPlace(_ key: ObjectKey, _ document: JSONValue) {
        guard let node = document["spec"]?["nodeName"]?.string, !node.isEmpty,
            uids[ObjectKey(.node, namespace: "", name: node)] == nil
        else { return }
        report(key, .node, passing: true, "node \"\(node)\" does not exist")
    }

    private mutating func checkRevisions(_ key: ObjectKey, _ document: JSONValue) {
        for member in ["currentRevision", "stableRevision"] {
            guard let name = document["status"]?[member]?.string,
                uids[ObjectKey(.revision, namespace: key.namespace, name: name)] == nil
            else { continue }
            report(key, .revision, passing: true, "status.\(member) names revision \"\(name)\", which does not exist")
        }
    }

    private mutating func checkCapacity(_ key: ObjectKey, _ document: JSONValue) {
        let offered = document["status"]?["allocatable"]?.object.flatMap { try? [String: Quantity](json: .object($0)) }
        let taken = demands[key.name] ?? NodeDemand()
        if let limit = offered?["pods"]?.whole, taken.pods > limit {
            report(key, .overcommitted, "it has \(taken.pods) pods and room for \(limit)")
        }
        for (resource, amount) in taken.amounts.sorted(by: { $0.key < $1.key }) {
            guard let whole = offered?[resource]?.thousandths, amount > whole else { continue }
            report(key, .overcommitted, "its pods request \(amount) of \(whole) thousandths of \(resource)")
        }
    }
}
