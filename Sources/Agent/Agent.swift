public import ContainerRuntime
import Linux
import Model
import Synchronization
import Threads

/// What an agent works with.
public struct AgentParts: Sendable {
    /// Describes the node.
    public var node: NodeDescription
    /// Runs containers.
    public var runtime: any PodRuntime
    /// Holds images.
    public var images: any ImageStore
    /// Gives pods their addresses.
    public var network: any PodNetworking
    /// Carries requests; nil where nothing does.
    public var traffic: (any NodeTraffic)?
    /// Talks to the API.
    public var connection: any AgentConnection
    /// Where things are kept.
    public var paths: AgentPaths
    /// The text of `/etc/resolv.conf` of a pod that is made now in a namespace.
    public var resolverConfiguration: @Sendable (_ namespace: String) -> String
    /// Takes one line of text for the agent's log.
    public var log: @Sendable (String) -> Void

    /// Brings the parts together.
    public init(
        node: NodeDescription, runtime: any PodRuntime, images: any ImageStore, network: any PodNetworking,
        connection: any AgentConnection, paths: AgentPaths,
        resolverConfiguration: @escaping @Sendable (_ namespace: String) -> String,
        log: @escaping @Sendable (String) -> Void
    ) {
        self.node = node
        self.runtime = runtime
        self.images = images
        self.network = network
        self.connection = connection
        self.paths = paths
        self.resolverConfiguration = resolverConfiguration
        self.log = log
    }
}

/// Runs the pods of one node: watches what is desired, does one step at a time for each pod, and reports what it observes.
///
/// Threads: one loop that owns every `PodRecord` and decides; workers that perform actions; one prober; one reporter;
/// one watcher. They talk by messages only. Stopping the agent leaves the containers as they are.
public final class Agent: Sendable {
    let parts: AgentParts
    let executor: PodExecutor
    let messages = Mailbox<AgentMessage>()
    let jobs = Mailbox<AgentJob>()
    let probeJobs = Mailbox<ProbeRequest>()
    let prober = NetworkProber()
    let reporter: StatusReporter
    /// Has what carries requests know of Apps and pods; nil where nothing does.
    let traffic: TrafficKeeper?
    let isStopped = Atomic<Bool>(false)
    /// Ends the waits of every thread that does something now and then: it is closed when the agent stops, and nothing is sent.
    let wake = Mailbox<Bool>()
    /// How many of the watches have been answered.
    private let answeredWatches = Monitor(0)
    let meter = Mutex(UsageMeter())
    /// The containers that run, for whoever reads their counters.
    let running = Mutex<[UsageReading.Container]>([])

    /// How many actions are performed at a time; they are short system calls, image work and API requests.
    static let workerCount = 8
    /// How many commands in containers are probed at a time.
    static let probeWorkerCount = 8

    /// Brings an agent together; nothing happens before `start`.
    public init(_ parts: AgentParts) {
        self.parts = parts
        let volumes = VolumeManager(paths: parts.paths, resolverConfiguration: parts.resolverConfiguration)
        executor = PodExecutor(
            runtime: parts.runtime, images: parts.images, network: parts.network, connection: parts.connection,
            volumes: volumes, copies: PodCopies(paths: parts.paths), paths: parts.paths)
        traffic = parts.traffic.map(TrafficKeeper.init)
        reporter = StatusReporter(connection: parts.connection, node: parts.node.name, log: parts.log)
    }

    /// Takes up the pods that are here, starts the threads and registers the node.
    public func start() {
        let messages = messages
        parts.runtime.setExitHandler { uid in messages.send(.runtimeChanged(uid)) }
        startThread { [self] in AgentLoop(self).run() }
        for _ in 0..<Self.workerCount { startThread { [self] in work() } }
        for _ in 0..<Self.probeWorkerCount { startThread { [self] in probeCommands() } }
        startThread { [self] in reporter.run() }
        startThread { [self] in watch() }
        if let traffic {
            startThread { [self] in watchApps(for: traffic) }
            startThread { [self] in watchEndpoints(for: traffic) }
        }
        startThread { [self] in register() }
        startThread { [self] in measureUsage() }
        startThread { [self] in keepNetwork() }
    }

    /// Ends the agent's threads once what is under way is done. The containers go on.
    public func stop() {
        isStopped.store(true, ordering: .releasing)
        messages.close()
        jobs.close()
        probeJobs.close()
        wake.close()
        reporter.stop()
        prober.stop()
    }

    private var hasStopped: Bool { isStopped.load(ordering: .acquiring) }

    private func work() {
        while let job = jobs.receive() {
            let (result, observation) = executor.perform(job.action, for: job.record)
            messages.send(.performed(uid: job.record.pod.uid, job.action, result, observation))
        }
    }

    private func watch() {
        keepWatching("pods", after: 0) { heard throws(ConnectionError) in
            try parts.connection.watchPods(node: parts.node.name) { change in
                heard()
                messages.send(.pods(change))
                return !hasStopped
            }
        }
    }

    private func watchApps(for traffic: TrafficKeeper) {
        keepWatching("Apps", after: 1) { heard throws(ConnectionError) in
            try parts.connection.watchApps { change in
                heard()
                traffic.note(change)
                return !hasStopped
            }
        }
    }

    private func watchEndpoints(for traffic: TrafficKeeper) {
        keepWatching("the pods of all nodes", after: 2) { heard throws(ConnectionError) in
            try parts.connection.watchPods { change in
                heard()
                traffic.note(change)
                return !hasStopped
            }
        }
    }

    /// Watches again and again until the agent stops; after a failure a little later each time, until something is heard.
    ///
    /// - Parameter others: how many other watches are answered first. Of connections that begin in one instant the server has been
    ///   seen to leave some waiting in their TLS handshakes.
    private func keepWatching(
        _ what: String, after others: Int, _ watch: (_ heard: () -> Void) throws(ConnectionError) -> Void
    ) {
        while !hasStopped, answeredWatches.wait(atMost: .milliseconds(200), { $0 >= others ? true : nil }) == nil {}
        var delay = TimeSpan.milliseconds(250)
        while !hasStopped {
            do throws(ConnectionError) {
                try watch {
                    delay = .milliseconds(250)
                    answeredWatches.change { $0 = max($0, others + 1) }
                }
            } catch {
                if !hasStopped { parts.log("watching \(what) failed, trying again in \(delay): \(error.message)") }
            }
            if wake.receiveAll(waiting: delay) == nil { return }
            delay = min(delay * 2, .seconds(5))
        }
    }

    /// Registers the node, and goes on to keep its description up to date: an unchanged one writes nothing.
    private func register() {
        var delay = TimeSpan.milliseconds(250)
        while !hasStopped {
            do {
                var node = parts.node.node(images: nodeImages())
                node.status?.conditions += NodePressure(path: parts.paths.data).conditions
                try parts.connection.register(node)
                delay = .seconds(10)
            } catch {
                parts.log("registering the node failed, trying again in \(delay): \(error.message)")
                delay = min(delay * 2, .seconds(5))
            }
            if wake.receiveAll(waiting: delay) == nil { return }
        }
    }

    /// Puts back every few seconds what of the network was taken away.
    private func keepNetwork() {
        var lastProblem: String?
        while wake.receiveAll(waiting: .seconds(5)) != nil {
            do {
                if try parts.network.repair() { parts.log("the network had been changed; it was put back as it was") }
                lastProblem = nil
            } catch {
                let problem = "\(error)"
                if problem != lastProblem { parts.log("the network cannot be put back as it was: \(problem)") }
                lastProblem = problem
            }
        }
    }

    private func nodeImages() -> [NodeImage] {
        ((try? parts.images.list()) ?? []).map { record in
            NodeImage {
                $0.names = [record.id.text] + record.references.sorted()
                $0.sizeBytes = record.sizeBytes
            }
        }
    }
}

/// What the loop is told.
package enum AgentMessage: Sendable {
    /// The desired pods changed.
    case pods(PodChange)
    /// Something of a pod ended.
    case runtimeChanged(String)
    /// An action was performed.
    case performed(uid: String, PodAction, PodActionResult, SandboxObservation?)
    /// Requests reach a pod.
    case served(String)
    /// How long requests and WebSockets of a pod that drains may go on, as its App says.
    case draining(String, atMost: TimeSpan)
    /// No request to a pod is in flight any more.
    case drained(String)
    /// A check was made; nil is success.
    case probed(ProbeKey, failure: String?)
}

/// One action to perform.
package struct AgentJob: Sendable {
    package var record: PodRecord
    package var action: PodAction
}
