/// The places at which the crash tests let a process die: before and after everything that lasts longer than the process.
///
/// Builds for production have none of them. In debug builds the environment arms one, see `FailpointPlan`.
/// `docs/testing.md` says how the tests use them and how to add one.
public enum Failpoint: String, CaseIterable, Sendable {
    // Files and cgroups; the detail is the path.
    case durableWriteBegun = "durable-write-begun"
    case durableWriteSynced = "durable-write-synced"
    case durableWriteRenamed = "durable-write-renamed"
    case treeEntryRemoved = "tree-entry-removed"
    case treeEmptied = "tree-emptied"
    case cgroupMade = "cgroup-made"
    case cgroupLimited = "cgroup-limited"
    case cgroupMoved = "cgroup-moved"
    case cgroupRemoved = "cgroup-removed"
    case directoryRenamed = "directory-renamed"
    case directoriesExchanged = "directories-exchanged"

    // Starting processes; the number that follows the name is the step's.
    case launchStep = "launch-step"

    // The store and the API.
    case transactionBegun = "transaction-begun"
    case transactionWritten = "transaction-written"
    case transactionCommitted = "transaction-committed"
    case markBegun = "mark-begun"
    case markWritten = "mark-written"
    case reserveBegun = "reserve-begun"
    case reserveMade = "reserve-made"
    case commitPublished = "commit-published"
    case answering = "answering"

    // Images; those from `unpackBegun` on are in the process that unpacks.
    case blobWritten = "blob-written"
    case blobAdded = "blob-added"
    case imageNaming = "image-naming"
    case imageNamed = "image-named"
    case layerUnpacked = "layer-unpacked"
    case layerSynced = "layer-synced"
    case layerRenamed = "layer-renamed"
    case unpackBegun = "unpack-begun"
    case unpackConfined = "unpack-confined"
    case unpackEntry = "unpack-entry"
    case unpackReported = "unpack-reported"

    // The agent.
    case sweeping = "sweeping"
    case swept = "swept"
    case settingsRead = "settings-read"
    case volumeMade = "volume-made"
    case volumeMounted = "volume-mounted"
    case volumeFileWritten = "volume-file-written"
    case volumeUnmounted = "volume-unmounted"
    case namesWritten = "names-written"
    case sandboxReset = "sandbox-reset"
    case sandboxTornDown = "sandbox-torn-down"
    case networkTornDown = "network-torn-down"
    case volumesTornDown = "volumes-torn-down"
    case logsTornDown = "logs-torn-down"
    case copyTornDown = "copy-torn-down"
    case statusSending = "status-sending"
    case statusSent = "status-sent"
    case podReleasing = "pod-releasing"
    case podReleased = "pod-released"

    // The pods' network.
    case bridgeMade = "bridge-made"
    case bridgeReady = "bridge-ready"
    case addressGiven = "address-given"
    case linksMade = "links-made"
    case podConnected = "pod-connected"
    case linksRemoved = "links-removed"
    case addressTaken = "address-taken"
    case virtualAddressesSet = "virtual-addresses-set"

    // What carries requests.
    case programStarted = "program-started"
    case proxyProposed = "proxy-proposed"
    case proxyReloading = "proxy-reloading"
    case proxyChanged = "proxy-changed"
    case namesSet = "names-set"

    // The runtime, on the agent's side.
    case sandboxDirectoriesMade = "sandbox-directories-made"
    case supervisorStarted = "supervisor-started"
    case supervisorReady = "supervisor-ready"
    case supervisorWatched = "supervisor-watched"
    case containerDirectoriesMade = "container-directories-made"
    case launchAsking = "launch-asking"
    case launchAnswered = "launch-answered"
    case signalSent = "signal-sent"
    case containerForgotten = "container-forgotten"
    case containerRemoved = "container-removed"
    case execAnswered = "exec-answered"
    case parkingBegun = "parking-begun"
    case sandboxParked = "sandbox-parked"
    case sandboxTaken = "sandbox-taken"
    case sandboxAdopted = "sandbox-adopted"
    case parkedEnded = "parked-ended"
    case parkedRemoved = "parked-removed"
    case supervisorEnding = "supervisor-ending"
    case supervisorEnded = "supervisor-ended"

    // The supervisor.
    case supervisorBegun = "supervisor-begun"
    case namespacesMade = "namespaces-made"
    case supervisorListening = "supervisor-listening"
    case supervisorTold = "supervisor-told"
    case supervisorSettling = "supervisor-settling"
    case supervisorParked = "supervisor-parked"
    case podReceived = "pod-received"
    case podAdopted = "pod-adopted"
    case launchReceived = "launch-received"
    case launchMarked = "launch-marked"
    case containerStarted = "container-started"
    case containerReaped = "container-reaped"
    case endRecorded = "end-recorded"
    case endTold = "end-told"
    case signalReceived = "signal-received"
    case forgetReceived = "forget-received"
    case execReceived = "exec-received"
    case execStarted = "exec-started"
    case execEnded = "exec-ended"
    case shutdownReceived = "shutdown-received"
    case containersKilled = "containers-killed"
}

/// Dies here if a test wants that.
///
/// - Parameter detail: What is being done, for the test's trace, such as a path; not evaluated unless a plan is there.
@inlinable
public func failpoint(_ site: Failpoint, _ detail: @autoclosure () -> String = "") {
    #if FAILPOINTS
        if let plan = FailpointPlan.current { plan.pass(site, detail()) }
    #endif
}

/// What the processes that this one starts find in their environment, as `NAME=value`: nothing unless a plan is there.
public func failpointEnvironment(for process: FailpointProcess) -> [String] {
    #if FAILPOINTS
        FailpointPlan.current?.environment(for: process) ?? []
    #else
        []
    #endif
}

/// The step before which a process that is about to be started has to die; nil for none. See `linux_launch.die_before`.
///
/// - Parameters:
///   - steps: The numbers of the steps that it will carry out.
///   - detail: What is started.
public func failpointStep(of steps: @autoclosure () -> [Int64], _ detail: @autoclosure () -> String) -> Int64? {
    #if FAILPOINTS
        FailpointPlan.current?.step(of: steps(), detail())
    #else
        nil
    #endif
}

/// Which of Martlet's processes one is.
public enum FailpointProcess: String, CaseIterable, Sendable {
    /// `martlet up`.
    case up
    /// The supervisor of a pod.
    case supervisor
    /// The process that unpacks an archive.
    case helper
    /// A command of `martlet` that ends by itself.
    case command
}
