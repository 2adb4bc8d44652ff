/// A value that starts from its defaults and is filled in by a closure: `Container { $0.name = "web" }`.
public protocol Buildable {
    /// Makes the value with every field at its default.
    init()
}

extension Buildable {
    /// Makes the value from its defaults, changed by a closure.
    public init(_ build: (inout Self) -> Void) {
        self.init()
        build(&self)
    }
}

/// What every stored object says about itself (Kubernetes API conventions, "Metadata").
public struct ObjectMeta: Codable, Hashable, Sendable, Buildable {
    /// The name, unique among the objects of one type in one namespace.
    public var name: String?
    /// A prefix from which the server makes a unique name when `name` is absent.
    public var generateName: String?
    /// The namespace; absent on objects of cluster-wide types.
    public var namespace: String?
    /// Identity over all time: an object deleted and made again has another one.
    public var uid: String?
    /// The store revision of the last change, an opaque string to clients.
    public var resourceVersion: String?
    /// Counts the changes of `spec`.
    public var generation: Int64?
    /// When the object was made.
    public var creationTimestamp: Timestamp?
    /// When deletion was asked for; the object goes when its finalizers are gone.
    public var deletionTimestamp: Timestamp?
    /// How long a deleted pod may take to stop, in seconds.
    public var deletionGracePeriodSeconds: Int64?
    /// Names to select by.
    public var labels: [String: String] = [:]
    /// Notes for people and tools, kept byte for byte.
    public var annotations: [String: String] = [:]
    /// The objects that this one exists for; it is deleted with its controller.
    public var ownerReferences: [OwnerReference] = []
    /// Who must act before a deleted object may go.
    public var finalizers: [String] = []
    /// Who last set which fields; kept as given.
    public var managedFields: [JSONValue] = []

    /// Makes empty metadata.
    public init() {}

    /// The owner that manages this object, if any.
    public var controller: OwnerReference? { ownerReferences.first { $0.controller == true } }
}

/// Names the object that another one exists for.
public struct OwnerReference: Codable, Hashable, Sendable, Buildable {
    /// The owner's group and version.
    public var apiVersion = ""
    /// The owner's kind.
    public var kind = ""
    /// The owner's name.
    public var name = ""
    /// The owner's identity.
    public var uid = ""
    /// Whether the owner manages this object.
    public var controller: Bool?
    /// Whether a foreground deletion of the owner waits for this object.
    public var blockOwnerDeletion: Bool?

    /// Makes an empty reference.
    public init() {}
}

/// One aspect of an observed object, with the reason for it (Kubernetes API conventions, "Typical status properties").
public struct Condition: Codable, Hashable, Sendable, Buildable {
    /// The aspect: `Available`, `Progressing`, `Ready`, ...
    public var type = ""
    /// `True`, `False` or `Unknown`.
    public var status = "Unknown"
    /// One CamelCase word that programs may test.
    public var reason: String?
    /// A sentence for people.
    public var message: String?
    /// When `status` last changed.
    public var lastTransitionTime: Timestamp?
    /// The generation of the object that this was decided for.
    public var observedGeneration: Int64?

    /// Makes an empty condition.
    public init() {}

    /// Makes a condition; `setCondition` fills in the time.
    public init(_ type: String, _ status: Bool?, reason: String, message: String, generation: Int64? = nil) {
        self.type = type
        self.status = status.map { $0 ? "True" : "False" } ?? "Unknown"
        self.reason = reason
        self.message = message
        observedGeneration = generation
    }
}

extension [Condition] {
    /// The condition of a type.
    public subscript(type: String) -> Condition? { first { $0.type == type } }

    /// Adds or replaces the condition of the same type. The transition time is kept while the status stays the same.
    public mutating func set(_ condition: Condition, now: Timestamp) {
        var condition = condition
        let index = firstIndex { $0.type == condition.type }
        if let index, self[index].status == condition.status {
            condition.lastTransitionTime = self[index].lastTransitionTime
        } else {
            condition.lastTransitionTime = now
        }
        if let index { self[index] = condition } else { append(condition) }
    }
}

/// An object of the API: what every kind has in common.
public protocol Resource: Codable, Hashable, Sendable, Buildable {
    /// The type of these objects.
    static var type: ResourceType { get }
    /// What the object says about itself.
    var metadata: ObjectMeta { get set }
}

extension Resource {
    /// The object's name; empty where it has none yet.
    public var name: String { metadata.name ?? "" }
    /// The object's namespace; empty for cluster-wide types.
    public var namespace: String { metadata.namespace ?? "" }
    /// The object's identity; empty where it has none yet.
    public var uid: String { metadata.uid ?? "" }
    /// The key the object is stored under.
    public var key: ObjectKey { ObjectKey(Self.type, namespace: namespace, name: name) }

    /// A reference by which another object names this one as its controller.
    public var controllerReference: OwnerReference {
        OwnerReference {
            $0.apiVersion = Self.type.apiVersion
            $0.kind = Self.type.kind
            $0.name = name
            $0.uid = uid
            $0.controller = true
            $0.blockOwnerDeletion = true
        }
    }

    /// The whole object as JSON, with `apiVersion` and `kind` first.
    public var document: JSONValue {
        var object = JSONObject()
        object["apiVersion"] = .string(Self.type.apiVersion)
        object["kind"] = .string(Self.type.kind)
        for member in json.object?.members ?? [] { object[member.name] = member.value }
        return .object(object)
    }
}
