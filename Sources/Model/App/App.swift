/// A long-running service as its user declares it: image, ports, health, rollout, scaling and routing in one document.
public struct App: Resource {
    /// The type of Apps.
    public static let type = ResourceType.app
    /// What the App says about itself.
    public var metadata = ObjectMeta()
    /// What is asked for.
    public var spec = AppSpec()
    /// What was observed; written by the control plane only.
    public var status: AppStatus?

    /// Makes an empty App.
    public init() {}
}

/// What is asked for of an App.
///
/// Fields with a default are optional here because the server fills them in from the schema, in one place;
/// whoever reads a stored App may rely on them.
public struct AppSpec: Codable, Hashable, Sendable, Buildable {
    /// The image: a registry reference, or `oci:`, `oci-archive:`, `docker-archive:` or `rootfs:` and a path.
    public var image = ""
    /// Replaces the image's entrypoint.
    public var command: [String] = []
    /// Replaces the image's arguments.
    public var args: [String] = []
    /// The directory to start in; the image's when absent.
    public var workingDir: String?
    /// Environment variables by name.
    public var env: [String: EnvSource] = [:]
    /// Ports the service listens on.
    public var ports: [AppPort] = []
    /// What the main container needs and may use.
    public var resources: ResourceRequirements?
    /// Volumes, mounted into the main container at their `mountPath`.
    public var volumes: [AppVolume] = []
    /// Who the main container runs as and what it may do.
    public var security: SecuritySpec?
    /// Containers that run to completion, one after the other, before the main one starts.
    public var initContainers: [AppContainer] = []
    /// Containers that run beside the main one.
    public var sidecars: [AppContainer] = []
    /// How many pods run; absent where `autoscale` decides.
    public var replicas: Int?
    /// Where pods may run.
    public var placement: Placement?
    /// When a pod has started, is ready, and is alive.
    public var health: Health?
    /// How a pod is stopped.
    public var stop: StopSpec?
    /// How a change reaches the pods.
    public var rollout: RolloutSpec?
    /// How the number of pods follows the load.
    public var autoscale: JSONValue?
    /// How the service is reached from outside.
    public var routes: [RouteSpec] = []
    /// How traffic is spread over the pods.
    public var traffic: TrafficSpec?

    /// Makes an empty spec.
    public init() {}
}

/// Where the value of an environment variable comes from: a plain string, or one of the references.
public enum EnvSource: Hashable, Sendable {
    /// The value itself.
    case value(String)
    /// A key of a Secret of the same namespace.
    case secret(name: String, key: String)
    /// A key of a ConfigMap of the same namespace.
    case config(name: String, key: String)
    /// A field of the pod: `metadata.name`, `metadata.namespace`, `status.podIP`, `spec.nodeName`, ...
    case field(String)
}

extension EnvSource: Codable {
    private struct Reference: Codable {
        var secret: String?
        var config: String?
        var key: String?
        var field: String?
    }

    /// Decodes a string, or an object with `secret` and `key`, `config` and `key`, or `field`.
    public init(from decoder: any Decoder) throws {
        if let text = try? decoder.singleValueContainer().decode(String.self) {
            self = .value(text)
            return
        }
        let reference = try Reference(from: decoder)
        switch (reference.secret, reference.config, reference.key, reference.field) {
        case (let name?, nil, let key?, nil): self = .secret(name: name, key: key)
        case (nil, let name?, let key?, nil): self = .config(name: name, key: key)
        case (nil, nil, nil, let path?): self = .field(path)
        default:
            throw DecodingError.dataCorrupted(
                .init(
                    codingPath: decoder.codingPath, debugDescription: "expected {secret, key}, {config, key} or {field}"
                ))
        }
    }

    /// Encodes as a manifest writes it.
    public func encode(to encoder: any Encoder) throws {
        switch self {
        case .value(let text):
            var container = encoder.singleValueContainer()
            try container.encode(text)
        case .secret(let name, let key): try Reference(secret: name, key: key).encode(to: encoder)
        case .config(let name, let key): try Reference(config: name, key: key).encode(to: encoder)
        case .field(let path): try Reference(field: path).encode(to: encoder)
        }
    }
}

/// A port the service listens on.
public struct AppPort: Codable, Hashable, Sendable, Buildable {
    /// The name by which probes and routes refer to it.
    public var name = ""
    /// The port number, 1 to 65535.
    public var port = 0
    /// `HTTP`, `HTTP2`, `TCP` or `UDP`.
    public var `protocol`: String?
    /// A port of the node that leads to this one.
    public var hostPort: Int?

    /// Makes an empty port.
    public init() {}
}

/// What a container needs and may use: `cpu`, `memory`, and for limits `pids`.
public struct ResourceRequirements: Codable, Hashable, Sendable, Buildable {
    /// What is set aside for it; the scheduler counts this.
    public var requests: [String: Quantity] = [:]
    /// What it cannot exceed.
    public var limits: [String: Quantity] = [:]

    /// Makes empty requirements.
    public init() {}
}

/// A volume and where it is mounted; exactly one source is set.
public struct AppVolume: Codable, Hashable, Sendable, Buildable {
    /// The name by which other containers mount it.
    public var name = ""
    /// Where the main container sees it; absent to mount it into other containers only.
    public var mountPath: String?
    /// Whether the main container may only read it.
    public var readOnly: Bool?
    /// A directory that lives as long as the pod.
    public var emptyDir: EmptyDirSource?
    /// A file or directory of the node.
    public var hostPath: HostPathSource?
    /// A directory that outlives the pod.
    public var persistent: JSONValue?
    /// The keys of a ConfigMap as files.
    public var config: ProjectionSource?
    /// The keys of a Secret as files, on memory.
    public var secret: ProjectionSource?

    /// Makes an empty volume.
    public init() {}
}

/// A directory that lives as long as its pod.
public struct EmptyDirSource: Codable, Hashable, Sendable, Buildable {
    /// `Memory` for a tmpfs; absent for the node's disk.
    public var medium: String?
    /// How much a `Memory` directory may hold.
    public var sizeLimit: Quantity?

    /// Makes a directory on disk.
    public init() {}
}

/// A file or directory of the node.
public struct HostPathSource: Codable, Hashable, Sendable, Buildable {
    /// The absolute path on the node.
    public var path = ""
    /// What must be there: `Directory`, `DirectoryOrCreate`, `File`, `FileOrCreate`, `Socket`; absent for anything.
    public var type: String?

    /// Makes an empty source.
    public init() {}
}

/// Keys of a Secret or a ConfigMap, shown as files.
public struct ProjectionSource: Codable, Hashable, Sendable, Buildable {
    /// The name of the Secret or ConfigMap.
    public var name = ""
    /// Which keys, and the relative path of each; all keys under their own names when empty.
    public var items: [ProjectionItem] = []
    /// The permission bits of the files, `0644` unless set.
    public var mode: Int?
    /// Whether the pod may start without it.
    public var optional: Bool?

    /// Makes an empty source.
    public init() {}
}

/// One key and the file that shows it.
public struct ProjectionItem: Codable, Hashable, Sendable, Buildable {
    /// The key.
    public var key = ""
    /// The path below the mount, without `..`.
    public var path = ""

    /// Makes an empty item.
    public init() {}
}

/// Who a container runs as and what it may do.
public struct SecuritySpec: Codable, Hashable, Sendable, Buildable {
    /// The numeric user; the image's when absent.
    public var runAsUser: Int64?
    /// The numeric group; the image's when absent.
    public var runAsGroup: Int64?
    /// Whether the root file system is read-only.
    public var readOnlyRootFilesystem: Bool?
    /// Capabilities added to and dropped from the default ones.
    public var capabilities: CapabilityChange?
    /// Whether the container may gain privileges by setuid programs; false unless set.
    public var allowPrivilegeEscalation: Bool?
    /// `Default` or `Unconfined`.
    public var seccomp: String?
    /// Whether user ids are mapped to unprivileged ones of the node; true unless set.
    public var userNamespace: Bool?
    /// Whether a container with this spec, or with none, has the pod's user namespace.
    public static func usesUserNamespace(_ spec: SecuritySpec?) -> Bool { spec?.userNamespace ?? true }

    /// Makes an empty spec.
    public init() {}
}

/// Capabilities added and dropped, by their name without `CAP_`, or `ALL`.
public struct CapabilityChange: Codable, Hashable, Sendable, Buildable {
    /// Added to the default ones.
    public var add: [String] = []
    /// Dropped from the default ones, before anything is added.
    public var drop: [String] = []

    /// Makes an empty change.
    public init() {}
}

/// A container beside the main one.
public struct AppContainer: Codable, Hashable, Sendable, Buildable {
    /// The container's name, unique in the pod.
    public var name = ""
    /// The image; the main container's when absent.
    public var image: String?
    /// Replaces the image's entrypoint.
    public var command: [String] = []
    /// Replaces the image's arguments.
    public var args: [String] = []
    /// The directory to start in.
    public var workingDir: String?
    /// Environment variables by name.
    public var env: [String: EnvSource] = [:]
    /// Ports it listens on.
    public var ports: [AppPort] = []
    /// What it needs and may use.
    public var resources: ResourceRequirements?
    /// Volumes of the App, by name, and where this container sees them.
    public var volumeMounts: [VolumeMount] = []
    /// Who it runs as and what it may do.
    public var security: SecuritySpec?
    /// When it has started, is ready, and is alive.
    public var health: Health?

    /// Makes an empty container.
    public init() {}
}

/// Where a pod may run.
public struct Placement: Codable, Hashable, Sendable, Buildable {
    /// Labels a node must have.
    public var nodeSelector: [String: String] = [:]
    /// Topology keys over which pods are spread, most important first.
    public var spread: [String] = []
    /// Taints of nodes that are put up with.
    public var tolerations: [Toleration] = []

    /// Makes an empty placement.
    public init() {}
}

/// A taint that a pod puts up with (core v1 shape).
public struct Toleration: Codable, Hashable, Sendable, Buildable {
    /// The taint's key; every key when absent.
    public var key: String?
    /// `Equal` or `Exists`.
    public var `operator`: String?
    /// The taint's value, for `Equal`.
    public var value: String?
    /// `NoSchedule`, `PreferNoSchedule` or `NoExecute`; every effect when absent.
    public var effect: String?

    /// Makes a toleration of everything.
    public init() {}
}

/// When a container has started, is ready for traffic, and is alive.
public struct Health: Codable, Hashable, Sendable, Buildable {
    /// Until it succeeds, the others do not run and the container has not started.
    public var startup: AppProbe?
    /// Whether the container gets traffic.
    public var readiness: AppProbe?
    /// Whether the container is left alone; when it fails the container is restarted.
    public var liveness: AppProbe?

    /// Makes an empty health.
    public init() {}
}

/// A check made again and again; exactly one of `http`, `tcp`, `exec` and `grpc` is set.
public struct AppProbe: Codable, Hashable, Sendable, Buildable {
    /// A GET that must answer 200 to 399.
    public var http: HTTPCheck?
    /// A connection that must be accepted.
    public var tcp: TCPCheck?
    /// A command in the container that must exit 0.
    public var exec: ExecCheck?
    /// A `grpc.health.v1.Health/Check` that must answer SERVING.
    public var grpc: GRPCCheck?
    /// How long after the start the first check is made.
    public var initialDelay: TimeSpan?
    /// How long from one check to the next.
    public var period: TimeSpan?
    /// How long a check may take.
    public var timeout: TimeSpan?
    /// How many checks in a row must fail.
    public var failureThreshold: Int?
    /// How many checks in a row must succeed after a failure.
    public var successThreshold: Int?

    /// Makes an empty probe.
    public init() {}
}

/// A port by number or by name.
public enum PortReference: Hashable, Sendable {
    case number(Int)
    case name(String)
}

extension PortReference: Codable {
    /// Decodes a number or a name.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        if let number = try? container.decode(Int.self) {
            self = .number(number)
        } else {
            self = .name(try container.decode(String.self))
        }
    }

    /// Encodes the number or the name.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        switch self {
        case .number(let number): try container.encode(number)
        case .name(let name): try container.encode(name)
        }
    }
}

/// A GET that must answer 200 to 399.
public struct HTTPCheck: Codable, Hashable, Sendable, Buildable {
    /// The path, `/` unless set.
    public var path: String?
    /// The port.
    public var port = PortReference.number(0)
    /// The `Host` header; the pod's address unless set.
    public var host: String?
    /// Further headers.
    public var headers: [String: String] = [:]

    /// Makes an empty check.
    public init() {}
}

/// A connection that must be accepted.
public struct TCPCheck: Codable, Hashable, Sendable, Buildable {
    /// The port.
    public var port = PortReference.number(0)

    /// Makes an empty check.
    public init() {}
}

/// A command in the container that must exit 0.
public struct ExecCheck: Codable, Hashable, Sendable, Buildable {
    /// The program and its arguments; no shell is involved.
    public var command: [String] = []

    /// Makes an empty check.
    public init() {}
}

/// A gRPC health check (`grpc.health.v1.Health/Check`).
public struct GRPCCheck: Codable, Hashable, Sendable, Buildable {
    /// The port.
    public var port = PortReference.number(0)
    /// The service asked about; empty asks about the server.
    public var service: String?

    /// Makes an empty check.
    public init() {}
}

/// How a pod is stopped: unrouted, drained, signalled, killed.
public struct StopSpec: Codable, Hashable, Sendable, Buildable {
    /// The signal that asks it to stop.
    public var signal: String?
    /// How long requests in flight may take to finish.
    public var drain: TimeSpan?
    /// How long after the signal it is killed.
    public var gracePeriod: TimeSpan?

    /// Makes an empty spec.
    public init() {}
}

/// How a change reaches the pods.
public struct RolloutSpec: Codable, Hashable, Sendable, Buildable {
    /// `Rolling`, `BlueGreen`, `Canary` or `Recreate`.
    public var strategy: String?
    /// How many pods may run beyond the desired count.
    public var maxSurge: IntOrPercent?
    /// How many of the desired count may be unready.
    public var maxUnavailable: IntOrPercent?
    /// How long a pod must have been ready to count as available.
    public var minReady: TimeSpan?
    /// How long a rollout may go without progress.
    public var progressDeadline: TimeSpan?
    /// Whether a failed rollout returns to the last good revision.
    public var autoRollback: Bool?
    /// How many superseded revisions are kept.
    public var historyLimit: Int?
    /// A canary's steps.
    public var steps: [JSONValue] = []
    /// A blue-green's promotion.
    public var blueGreen: JSONValue?
    /// What judges a canary or a blue-green.
    public var analysis: JSONValue?

    /// Makes an empty spec.
    public init() {}
}
