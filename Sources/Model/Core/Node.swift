/// A machine that runs pods (core v1 shape).
public struct Node: Resource {
    /// The type of nodes.
    public static let type = ResourceType.node
    /// What the node says about itself.
    public var metadata = ObjectMeta()
    /// What is asked for.
    public var spec: NodeSpec?
    /// What was observed; written by the node's agent.
    public var status: NodeStatus?

    /// Makes an empty node.
    public init() {}
}

/// What is asked for of a node.
public struct NodeSpec: Codable, Hashable, Sendable, Buildable {
    /// Whether it takes no new pods.
    public var unschedulable: Bool?
    /// What pods must put up with to run here.
    public var taints: [Taint] = []
    /// The addresses its pods get, in CIDR notation.
    public var podCIDR: String?

    /// Makes an empty spec.
    public init() {}
}

/// What pods must put up with to run on a node.
public struct Taint: Codable, Hashable, Sendable, Buildable {
    /// The key.
    public var key = ""
    /// The value.
    public var value: String?
    /// `NoSchedule`, `PreferNoSchedule` or `NoExecute`.
    public var effect = ""

    /// Makes an empty taint.
    public init() {}
}

/// What was observed of a node.
public struct NodeStatus: Codable, Hashable, Sendable, Buildable {
    /// What the machine has: `cpu`, `memory`, `pods`.
    public var capacity: [String: Quantity] = [:]
    /// What of it pods may request.
    public var allocatable: [String: Quantity] = [:]
    /// `Ready`, and what else is worth knowing.
    public var conditions: [Condition] = []
    /// How the node is reached.
    public var addresses: [NodeAddress] = []
    /// What the machine is.
    public var nodeInfo: NodeInfo?
    /// The digests of the images that are present.
    public var images: [NodeImage] = []

    /// Makes an empty status.
    public init() {}
}

/// One way to reach a node.
public struct NodeAddress: Codable, Hashable, Sendable, Buildable {
    /// `InternalIP` or `Hostname`.
    public var type = ""
    /// The address.
    public var address = ""

    /// Makes an empty address.
    public init() {}
}

/// What a machine is.
public struct NodeInfo: Codable, Hashable, Sendable, Buildable {
    /// The kernel's release.
    public var kernelVersion = ""
    /// The distribution's name.
    public var osImage = ""
    /// The container runtime and its version.
    public var containerRuntimeVersion = ""
    /// The agent's version.
    public var kubeletVersion = ""
    /// `linux`.
    public var operatingSystem = "linux"
    /// `amd64` or `arm64`.
    public var architecture = ""
    /// Identifies this boot of the machine.
    public var bootID = ""
    /// Identifies the machine.
    public var machineID = ""

    /// Makes an empty description.
    public init() {}
}

/// An image that a node holds.
public struct NodeImage: Codable, Hashable, Sendable, Buildable {
    /// The references and digests it is known by.
    public var names: [String] = []
    /// What it takes on disk, in bytes.
    public var sizeBytes: Int64?

    /// Makes an empty image.
    public init() {}
}
