public import ContainerRuntime
public import Model

/// One effect on one pod. At most one is under way for a pod at any time; each may be repeated after a crash.
public enum PodAction: Sendable, Equatable {
    /// Find out what the runtime has of the pod.
    case observe
    /// Import the image of a container, if it is not here.
    case resolveImage(container: String, reference: String)
    /// Read Secrets and ConfigMaps and make the volumes.
    case prepareVolumes
    /// Make the sandbox.
    case createSandbox
    /// Give the sandbox its address.
    case attachNetwork
    /// Start an attempt of a container.
    case startContainer(name: String, attempt: Int)
    /// Signal a container; 9 kills all of its processes.
    case signal(name: String, attempt: Int, signal: Int32)
    /// Remove what an ended attempt left.
    case removeContainer(name: String, attempt: Int)
    /// Take apart sandbox and network, whose supervisor is gone; the volumes stay.
    case resetSandbox
    /// Take apart everything the pod has on this machine.
    case teardown
    /// Delete the pod's object for good.
    case release
}

/// How an action ended.
public enum PodActionResult: Sendable {
    /// `observe`, `startContainer`, `signal`, `removeContainer`: done.
    case done
    /// `resolveImage`: the image's identity.
    case image(ImageID)
    /// `prepareVolumes`: what was read.
    case settings(PodSettings)
    /// `attachNetwork`: the pod's address.
    case address(String)
    /// It failed; the reason is one CamelCase word for the status.
    case failure(reason: String, message: String)
}

/// A check to be made now.
public struct ProbeRequest: Sendable, Equatable {
    /// Which probe of which attempt it is.
    public var key: ProbeKey
    /// What to do.
    public var probe: Probe
    /// The container, whose named ports the probe may mean.
    public var ports: [ContainerPort]
    /// The address to connect to.
    public var address: String
}

/// Identifies a probe of an attempt of a container.
public struct ProbeKey: Sendable, Hashable {
    /// The pod's identity.
    public var podUID: String
    /// The container's name.
    public var container: String
    /// The attempt.
    public var attempt: Int
    /// Which probe.
    public var kind: ProbeKind
}

/// What is to be done for a pod now.
public struct PodDecision: Sendable {
    /// The next step; nil when there is none now.
    public var action: PodAction?
    /// Checks that are due.
    public var probes: [ProbeRequest] = []
    /// When to decide again at the latest, on the monotonic clock.
    public var wakeAt: TimeSpan?
    /// Whether requests are to come to the pod from now on, or to come no more; nil where nothing changes.
    public var serves: Bool?
    /// Whether requests are to go elsewhere from now on, and those in flight to be waited for.
    public var startsDrain = false
    /// Whether nothing of the pod is left and it can be forgotten.
    public var isFinished = false

    mutating func wake(at moment: TimeSpan) { wakeAt = min(wakeAt ?? moment, moment) }
}
