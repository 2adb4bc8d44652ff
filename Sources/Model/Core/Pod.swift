/// One running replica: one or more containers that share network, IPC and UTS namespaces (core v1 shape).
public struct Pod: Resource {
    /// The type of pods.
    public static let type = ResourceType.pod
    /// What the pod says about itself.
    public var metadata = ObjectMeta()
    /// What is asked for.
    public var spec = PodSpec()
    /// What was observed; written by the node's agent.
    public var status: PodStatus?

    /// Makes an empty pod.
    public init() {}
}

/// What is asked for of a pod (core v1 shape).
public struct PodSpec: Codable, Hashable, Sendable, Buildable {
    /// The node it runs on; set once, by the scheduler.
    public var nodeName: String?
    /// Containers that run to completion one after the other before the others start; one whose `restartPolicy` is
    /// `Always` keeps running beside them.
    public var initContainers: [Container] = []
    /// The containers; the first is the main one.
    public var containers: [Container] = []
    /// Volumes that containers mount.
    public var volumes: [Volume] = []
    /// `Always`, `OnFailure` or `Never`; `Always` unless set.
    public var restartPolicy: String?
    /// How long after the stop signal the pod is killed, in seconds; 30 unless set.
    public var terminationGracePeriodSeconds: Int64?
    /// Labels a node must have.
    public var nodeSelector: [String: String] = [:]
    /// Taints of nodes that are put up with.
    public var tolerations: [Toleration] = []
    /// Topology keys over which pods of one App are spread.
    public var topologyKeys: [String] = []
    /// The host name; the pod's name unless set.
    public var hostname: String?
    /// Whether the pod uses the node's network.
    public var hostNetwork: Bool?
    /// How long requests in flight may take to finish before the stop signal.
    public var drain: TimeSpan?

    /// Makes an empty spec.
    public init() {}
}

/// One container of a pod (core v1 shape).
public struct Container: Codable, Hashable, Sendable, Buildable {
    /// The name, unique in the pod.
    public var name = ""
    /// The image reference, ending in `@sha256:...` where it was resolved.
    public var image = ""
    /// Replaces the image's entrypoint.
    public var command: [String] = []
    /// Replaces the image's arguments.
    public var args: [String] = []
    /// The directory to start in.
    public var workingDir: String?
    /// Environment variables.
    public var env: [EnvVar] = []
    /// Ports it listens on.
    public var ports: [ContainerPort] = []
    /// What it needs and may use.
    public var resources: ResourceRequirements?
    /// Where it sees the pod's volumes.
    public var volumeMounts: [VolumeMount] = []
    /// Until it succeeds the others do not run.
    public var startupProbe: Probe?
    /// Whether it gets traffic.
    public var readinessProbe: Probe?
    /// Whether it is left alone.
    public var livenessProbe: Probe?
    /// `Always` makes an init container run beside the others.
    public var restartPolicy: String?
    /// How it is stopped.
    public var lifecycle: Lifecycle?
    /// Who it runs as and what it may do.
    public var securityContext: SecuritySpec?
    /// Whether standard input is kept open.
    public var stdin: Bool?
    /// Whether it has a terminal.
    public var tty: Bool?

    /// Makes an empty container.
    public init() {}
}

/// How a container is stopped.
public struct Lifecycle: Codable, Hashable, Sendable, Buildable {
    /// The signal that asks it to stop, `SIGTERM` unless set.
    public var stopSignal: String?

    /// Makes an empty lifecycle.
    public init() {}
}

/// One environment variable.
public struct EnvVar: Codable, Hashable, Sendable, Buildable {
    /// The name.
    public var name = ""
    /// The value; absent where `valueFrom` is set.
    public var value: String?
    /// Where the value comes from.
    public var valueFrom: EnvVarSource?

    /// Makes an empty variable.
    public init() {}
}

/// Where an environment variable's value comes from; exactly one is set.
public struct EnvVarSource: Codable, Hashable, Sendable, Buildable {
    /// A key of a Secret.
    public var secretKeyRef: KeySelector?
    /// A key of a ConfigMap.
    public var configMapKeyRef: KeySelector?
    /// A field of the pod.
    public var fieldRef: FieldSelector?

    /// Makes an empty source.
    public init() {}
}

/// A key of a Secret or ConfigMap.
public struct KeySelector: Codable, Hashable, Sendable, Buildable {
    /// The object's name.
    public var name = ""
    /// The key in it.
    public var key = ""
    /// Whether it may be absent.
    public var optional: Bool?

    /// Makes an empty selector.
    public init() {}
}

/// A field of a pod.
public struct FieldSelector: Codable, Hashable, Sendable, Buildable {
    /// The path: `status.podIP`.
    public var fieldPath = ""

    /// Makes an empty selector.
    public init() {}
}

/// A port that a container listens on.
public struct ContainerPort: Codable, Hashable, Sendable, Buildable {
    /// The name by which probes refer to it.
    public var name: String?
    /// The number.
    public var containerPort = 0
    /// `TCP` or `UDP`.
    public var `protocol`: String?
    /// A port of the node that leads to this one.
    public var hostPort: Int?
    /// The protocol on top, where the load balancer must know it: `HTTP`, `HTTP2`.
    public var appProtocol: String?

    /// Makes an empty port.
    public init() {}
}

/// A volume of a pod; exactly one source is set.
public struct Volume: Codable, Hashable, Sendable, Buildable {
    /// The name by which containers mount it.
    public var name = ""
    /// A directory that lives as long as the pod.
    public var emptyDir: EmptyDirSource?
    /// A file or directory of the node.
    public var hostPath: HostPathSource?
    /// The keys of a ConfigMap as files.
    public var configMap: ProjectionSource?
    /// The keys of a Secret as files, on memory.
    public var secret: ProjectionSource?

    /// Makes an empty volume.
    public init() {}
}

/// Where a container sees a volume.
public struct VolumeMount: Codable, Hashable, Sendable, Buildable {
    /// The volume's name.
    public var name = ""
    /// The absolute path in the container.
    public var mountPath = ""
    /// Whether the container may only read it.
    public var readOnly: Bool?
    /// A path below the volume, without `..`.
    public var subPath: String?

    /// Makes an empty mount.
    public init() {}
}

/// A check made again and again (core v1 shape); exactly one action is set.
public struct Probe: Codable, Hashable, Sendable, Buildable {
    /// A GET that must answer 200 to 399.
    public var httpGet: HTTPGetAction?
    /// A connection that must be accepted.
    public var tcpSocket: TCPCheck?
    /// A command in the container that must exit 0.
    public var exec: ExecCheck?
    /// A gRPC health check that must answer SERVING.
    public var grpc: GRPCCheck?
    /// How long after the start the first check is made, in milliseconds.
    public var initialDelayMilliseconds: Int64?
    /// How long from one check to the next, in milliseconds; 10,000 unless set.
    public var periodMilliseconds: Int64?
    /// How long a check may take, in milliseconds; 1,000 unless set.
    public var timeoutMilliseconds: Int64?
    /// How many checks in a row must fail; 3 unless set.
    public var failureThreshold: Int?
    /// How many checks in a row must succeed after a failure; 1 unless set.
    public var successThreshold: Int?

    /// Makes an empty probe.
    public init() {}
}

/// An HTTP check (core v1 shape).
public struct HTTPGetAction: Codable, Hashable, Sendable, Buildable {
    /// The path, `/` unless set.
    public var path: String?
    /// The port.
    public var port = PortReference.number(0)
    /// The `Host` header; the pod's address unless set.
    public var host: String?
    /// Further headers.
    public var httpHeaders: [HTTPHeader] = []

    /// Makes an empty action.
    public init() {}
}

/// One HTTP header.
public struct HTTPHeader: Codable, Hashable, Sendable, Buildable {
    /// The header's name.
    public var name = ""
    /// The header's value.
    public var value = ""

    /// Makes an empty header.
    public init() {}
}

/// What was observed of a pod (core v1 shape).
public struct PodStatus: Codable, Hashable, Sendable, Buildable {
    /// `Pending`, `Running`, `Succeeded` or `Failed`.
    public var phase: String?
    /// `PodScheduled`, `Initialized`, `ContainersReady`, `Ready`.
    public var conditions: [Condition] = []
    /// One word for why the pod is in its phase.
    public var reason: String?
    /// A sentence for why the pod is in its phase.
    public var message: String?
    /// The pod's address.
    public var podIP: String?
    /// The node's address.
    public var hostIP: String?
    /// The ids that the pod's users have on the node, `FIRST-LAST`; nil for a pod without a user namespace.
    public var userRange: String?
    /// When the agent took the pod on.
    public var startTime: Timestamp?
    /// The init containers, in the order of the spec.
    public var initContainerStatuses: [ContainerStatus] = []
    /// The containers, in the order of the spec.
    public var containerStatuses: [ContainerStatus] = []

    /// Makes an empty status.
    public init() {}
}

/// What was observed of a container (core v1 shape).
public struct ContainerStatus: Codable, Hashable, Sendable, Buildable {
    /// The container's name.
    public var name = ""
    /// The state now.
    public var state: ContainerState?
    /// The state before the last restart.
    public var lastState: ContainerState?
    /// Whether it gets traffic.
    public var ready = false
    /// Whether its startup probe has succeeded.
    public var started: Bool?
    /// How often it was restarted.
    public var restartCount = 0
    /// The image reference.
    public var image = ""
    /// The image's digest.
    public var imageID = ""
    /// The container's identity on its node: `martlet://POD-UID/NAME/ATTEMPT`.
    public var containerID: String?

    /// Makes an empty status.
    public init() {}
}

/// The state of a container; exactly one is set.
public struct ContainerState: Codable, Hashable, Sendable, Buildable {
    /// It does not run yet, or waits to be restarted.
    public var waiting: ContainerWaiting?
    /// It runs.
    public var running: ContainerRunning?
    /// It has ended.
    public var terminated: ContainerTerminated?

    /// Makes an empty state.
    public init() {}
}

/// Why a container does not run.
public struct ContainerWaiting: Codable, Hashable, Sendable, Buildable {
    /// One word: `PodInitializing`, `ContainerCreating`, `CrashLoopBackOff`, `ImagePullFailed`, ...
    public var reason: String?
    /// A sentence.
    public var message: String?

    /// Makes an empty state.
    public init() {}
}

/// Since when a container runs.
public struct ContainerRunning: Codable, Hashable, Sendable, Buildable {
    /// When it started.
    public var startedAt: Timestamp?

    /// Makes an empty state.
    public init() {}
}

/// How a container ended.
public struct ContainerTerminated: Codable, Hashable, Sendable, Buildable {
    /// The exit code; 128 and the signal's number for a container ended by a signal.
    public var exitCode = 0
    /// The signal that ended it.
    public var signal: Int?
    /// One word: `Completed`, `Error`, `OOMKilled`, `StartError`, `LivenessFailed`.
    public var reason: String?
    /// A sentence.
    public var message: String?
    /// When it started.
    public var startedAt: Timestamp?
    /// When it ended.
    public var finishedAt: Timestamp?
    /// The container's identity on its node.
    public var containerID: String?

    /// Makes an empty state.
    public init() {}
}
