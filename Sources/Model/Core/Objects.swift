/// A division of the names (core v1 shape).
public struct Namespace: Resource {
    /// The type of namespaces.
    public static let type = ResourceType.namespace
    /// What the namespace says about itself.
    public var metadata = ObjectMeta()
    /// What was observed.
    public var status: NamespaceStatus?

    /// Makes an empty namespace.
    public init() {}
}

/// What was observed of a namespace.
public struct NamespaceStatus: Codable, Hashable, Sendable, Buildable {
    /// `Active` or `Terminating`.
    public var phase: String?

    /// Makes an empty status.
    public init() {}
}

/// Settings (core v1 shape).
public struct ConfigMap: Resource {
    /// The type of config maps.
    public static let type = ResourceType.configMap
    /// What the object says about itself.
    public var metadata = ObjectMeta()
    /// Text by key.
    public var data: [String: String] = [:]
    /// Bytes by key, in base64.
    public var binaryData: [String: String] = [:]
    /// Whether the data can no longer change.
    public var immutable: Bool?

    /// Makes an empty config map.
    public init() {}
}

/// Settings that are kept from other eyes (core v1 shape).
public struct Secret: Resource {
    /// The type of secrets.
    public static let type = ResourceType.secret
    /// What the object says about itself.
    public var metadata = ObjectMeta()
    /// Bytes by key, in base64.
    public var data: [String: String] = [:]
    /// Text by key; the server moves it into `data`.
    public var stringData: [String: String] = [:]
    /// What the secret is for, `Opaque` unless set.
    public var type: String?
    /// Whether the data can no longer change.
    public var immutable: Bool?

    /// Makes an empty secret.
    public init() {}
}

/// What happened to an object (core v1 shape).
public struct Event: Resource {
    /// The type of events.
    public static let type = ResourceType.event
    /// What the event says about itself.
    public var metadata = ObjectMeta()
    /// What it happened to.
    public var involvedObject = ObjectReference()
    /// One CamelCase word.
    public var reason: String?
    /// A sentence.
    public var message: String?
    /// `Normal` or `Warning`.
    public var type: String?
    /// How often it happened.
    public var count: Int?
    /// When it happened first.
    public var firstTimestamp: Timestamp?
    /// When it happened last.
    public var lastTimestamp: Timestamp?
    /// Who says so.
    public var source: EventSource?

    /// Makes an empty event.
    public init() {}
}

/// Who reports an event.
public struct EventSource: Codable, Hashable, Sendable, Buildable {
    /// The part of Martlet.
    public var component: String?
    /// The node it runs on.
    public var host: String?

    /// Makes an empty source.
    public init() {}
}

/// Names an object in another object.
public struct ObjectReference: Codable, Hashable, Sendable, Buildable {
    /// The object's group and version.
    public var apiVersion: String?
    /// The object's kind.
    public var kind: String?
    /// The object's namespace.
    public var namespace: String?
    /// The object's name.
    public var name: String?
    /// The object's identity.
    public var uid: String?
    /// The part of the object, such as `spec.containers{web}`.
    public var fieldPath: String?

    /// Makes an empty reference.
    public init() {}
}
