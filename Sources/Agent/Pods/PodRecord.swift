public import ContainerRuntime
public import Linux
public import Model

/// What the agent knows of one pod: what is desired, what was observed, and how far its own steps have come.
///
/// Everything here is rebuilt after a restart of the agent: the desired pod from the API or from the copy on disk,
/// containers and their attempts from the runtime, the rest by doing idempotent steps again.
public struct PodRecord: Sendable {
    /// How far a step that may fail has come.
    public enum Progress<Value: Sendable & Equatable>: Sendable, Equatable {
        /// It has not been done.
        case pending
        /// It was done.
        case done(Value)
        /// It failed, so many times in a row; it is tried again at a moment.
        case failed(StepFailure)

        /// The result, when it was done.
        public var value: Value? { if case .done(let value) = self { value } else { nil } }
        /// The failure, when the last try failed.
        public var failure: StepFailure? { if case .failed(let failure) = self { failure } else { nil } }
    }

    /// A step's failure.
    public struct StepFailure: Sendable, Equatable {
        /// One CamelCase word for the status.
        public var reason: String
        /// A sentence for people.
        public var message: String
        /// How often it failed in a row.
        public var count: Int
        /// When it is tried again, on the monotonic clock.
        public var retryAt: TimeSpan
    }

    /// The pod as last seen.
    public var pod: Pod
    /// Whether the pod's object is gone: whatever it still has here is removed without waiting.
    public var isGone = false
    /// Whether the final deletion of the pod's object was accepted.
    public var isReleased = false
    /// What the runtime last saw; nil when nothing of the pod is here.
    public var sandbox: SandboxObservation?
    /// Whether the runtime was asked at all since the agent started.
    public var isObserved = false
    /// Images by container name.
    public var images: [String: Progress<ImageID>] = [:]
    /// The volumes and the settings read for environment variables.
    public var volumes = Progress<PodSettings>.pending
    /// The sandbox.
    public var sandboxProgress = Progress<Bool>.pending
    /// The pod's address.
    public var network = Progress<String>.pending
    /// The last failure to take the pod apart.
    public var teardown = Progress<Bool>.pending
    /// What is remembered of containers, by name.
    public var containers: [String: ContainerRecord] = [:]
    /// How far it is with the requests that come to the pod; nil before it was ever ready.
    public var service: ServiceProgress?
    /// How far an ordered stop has come.
    public var stop: StopProgress?
    /// The last time that the pod's supervisor did not answer, until it does.
    public var silence: StepFailure?
    /// When the pod is looked at again although nothing was heard of it, on the monotonic clock.
    public var lookAt: TimeSpan?
    /// The status as last built, from which transition times are kept.
    public var status: PodStatus
    /// Events that happened since the last decision.
    public var events: [PodEvent] = []

    /// Starts to keep track of a pod.
    public init(pod: Pod) {
        self.pod = pod
        status = pod.status ?? PodStatus()
        remember(pod.status)
    }

    /// Takes over what the server has of a pod that was known from its copy only. The copy was made before the pod was started;
    /// what was reported since is in the server's object, and must not be taken back.
    mutating func confirm(_ stored: Pod) {
        pod = stored
        guard let known = stored.status else { return }
        let hostIP = status.hostIP
        status = known
        status.hostIP = hostIP
        remember(known)
    }

    private mutating func remember(_ status: PodStatus?) {
        for known in (status?.containerStatuses ?? []) + (status?.initContainerStatuses ?? []) {
            var container = containers[known.name] ?? ContainerRecord()
            container.attemptFloor = max(container.attemptFloor, known.restartCount)
            container.knownRestarts = max(container.knownRestarts, known.restartCount)
            container.lastTermination = container.lastTermination ?? known.lastState?.terminated
            container.lastKnown = known
            if let attempt = container.probedAttempt, containerID(known.name, attempt) == known.containerID {
                container.takeOver(known)
            }
            containers[known.name] = container
        }
    }
}

/// Settings that a pod reads: the data of its Secrets and ConfigMaps, kept in memory only.
public struct PodSettings: Sendable, Equatable {
    /// Decoded bytes by key, by name of the Secret.
    public var secrets: [String: [String: [UInt8]]] = [:]
    /// Bytes by key, by name of the ConfigMap.
    public var configMaps: [String: [String: [UInt8]]] = [:]

    /// Makes empty settings.
    public init() {}
}

/// What is remembered of one container of a pod.
public struct ContainerRecord: Sendable {
    /// The lowest number the next attempt may have.
    public var attemptFloor = 0
    /// How many restarts the server was told of; they are not taken back where the attempts before them are forgotten here.
    public var knownRestarts = 0
    /// How many attempts ended in a row without a stable period between.
    public var failures = 0
    /// When the next attempt may start, on the monotonic clock.
    public var restartAt: TimeSpan?
    /// The attempt whose end has been dealt with.
    public var handledEnd: Int?
    /// How the attempt before the present one ended.
    public var lastTermination: ContainerTerminated?
    /// Why the last start failed.
    public var startFailure: String?
    /// The attempt the probes below are about.
    public var probedAttempt: Int?
    /// When that attempt was first seen to run, on the monotonic clock.
    public var runningSince: TimeSpan?
    /// Its probes.
    public var probes: [ProbeKind: ProbeProgress] = [:]
    /// Whether its startup probe has succeeded, or it has none.
    public var isStarted = false
    /// Whether its readiness probe says that it is ready, or it has none and is started.
    public var isReady = false
    /// What the server was last told by an agent before this one.
    var lastKnown: ContainerStatus?
    /// Why the agent is ending the running attempt, if it is.
    public var ending: Ending?
    /// When the running attempt was first killed, on the monotonic clock.
    public var killedAt: TimeSpan?
    /// A sentence about a process that does not end although it was killed.
    public var unkillable: String?
    /// That its first process was stopped, and what to do about it.
    public var stopped: String?
    /// The attempt that the next two are about.
    public var pressedAttempt: Int?
    /// Which limits it had run into when it was last looked at.
    public var pressure = CgroupPressure()
    /// A sentence about the limit that it is at.
    public var limit: String?

    /// Why and since when a running container is being ended.
    public struct Ending: Sendable, Equatable {
        /// One word for the status: `LivenessFailed`, `StartupFailed`.
        public var reason: String
        /// A sentence.
        public var message: String
        /// When the stop signal was sent; nil before.
        public var signalledAt: TimeSpan?
        /// When it was killed; nil before.
        public var killedAt: TimeSpan?
    }
}

/// Whether requests are to come to a pod, and whether they do.
public struct ServiceProgress: Sendable, Equatable {
    /// Whether its containers are ready.
    public var isWanted: Bool
    /// Since when that is so, on the monotonic clock.
    public var since: TimeSpan
    /// Whether requests reach it.
    public var isReached: Bool
}

/// How far an ordered stop has come.
public struct StopProgress: Sendable, Equatable {
    /// Since when requests go elsewhere.
    public var drainingSince: TimeSpan?
    /// How long requests may go on, where the App gives them longer than the pod.
    public var patience: TimeSpan?
    /// Whether no request is in flight any more.
    public var isDrained = false
    /// When the main containers were first signalled.
    public var signalledAt: TimeSpan?
    /// Which containers were sent their stop signal.
    public var signalled: Set<String> = []
    /// When the present round of kills began.
    public var killedAt: TimeSpan?
    /// Which containers were killed in the present round.
    public var killed: Set<String> = []
}

/// What a probe asks.
public enum ProbeKind: String, Sendable, Hashable, CaseIterable {
    case startup, readiness, liveness
}

/// How far a probe has come.
public struct ProbeProgress: Sendable, Equatable {
    /// When the next check is due, on the monotonic clock.
    public var nextAt: TimeSpan
    /// Whether a check is under way.
    public var isInFlight = false
    /// Checks that succeeded in a row.
    public var successes = 0
    /// Checks that failed in a row.
    public var failures = 0
    /// What the last failed check said.
    public var message: String?
    /// How many checks failed while the container was starting; nil once one has succeeded or it has had its time.
    public var earlyFailures: Int? = 0
}

/// Something that happened to a pod, for its events.
public struct PodEvent: Sendable, Equatable {
    /// Whether it is a `Warning`.
    public var isWarning: Bool
    /// One CamelCase word.
    public var reason: String
    /// A sentence.
    public var message: String
    /// The container it is about.
    public var container: String?

    /// Makes an event.
    public init(isWarning: Bool = false, reason: String, message: String, container: String? = nil) {
        self.isWarning = isWarning
        self.reason = reason
        self.message = message
        self.container = container
    }
}

extension PodRecord {
    /// The newest attempt of a container that the runtime saw.
    func latest(_ name: String) -> ContainerObservation? {
        sandbox?.containers.filter { $0.name == name }.max { $0.attempt < $1.attempt }
    }

    /// Whether a container's first process runs.
    func isRunning(_ name: String) -> Bool {
        if case .running? = latest(name)?.phase { true } else { false }
    }

    /// Every container of the pod, init containers first.
    var allContainers: [Container] { pod.spec.initContainers + pod.spec.containers }

    /// Whether the pod runs and its address is not known again yet, as after a restart of the agent. Its status would take
    /// the address back, and with it the routes to the pod, for no reason.
    var isRegainingAddress: Bool {
        hasStartedContainers && status.podIP == nil && status.reason == nil && !isStopping
    }

    /// Whether requests come to the pod by an App's ports.
    var isServing: Bool {
        pod.metadata.labels[WellKnown.appLabel] != nil && pod.spec.containers.contains { !$0.ports.isEmpty }
    }

    /// Whether the pod was asked to stop.
    var isStopping: Bool { isGone || pod.metadata.deletionTimestamp != nil }
}

extension Container {
    /// Whether an init container keeps running beside the others.
    var isSidecar: Bool { restartPolicy == "Always" }
}
