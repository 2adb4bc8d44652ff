import CLinux
import Failpoints
import Glibc
import Linux

/// The process that owns one pod's containers: it is their parent, has the namespaces that they share, copies their
/// output to their logs, and records how they end before it tells anyone. One thread, one loop.
public final class Supervisor {
    private(set) var config: SupervisorConfig
    let loop: EventLoop
    var containers: [String: SupervisedContainer] = [:]
    /// Processes that `exec` started, by pidfd.
    var execs: [Int32: ExecProcess] = [:]
    /// The pod's user namespace, if it has one; this process is not in it.
    let userNamespace: Int32?
    private var clients: [ObjectIdentifier: ClientConnection] = [:]
    private let listener: Int32
    /// A descriptor to give up when there are no others.
    private var spare: Int32
    private(set) var isShuttingDown = false
    /// Whether nothing is left to do but to wait for events.
    private var isSettled = false {
        didSet { if oldValue, !isSettled { unsettledSince = monotonicSeconds() } }
    }
    /// Since when there is something that can wait.
    private var unsettledSince = monotonicSeconds()
    /// For how many seconds it waits if somebody asks for something all the time, such as a probe every second.
    private static let longestWait = 5
    /// The v1 cgroups that are still to be joined.
    private var cgroupProcs: [String]
    private var hasHadClient = false
    private var secondsAlone = 0
    /// Starts the first container, in a supervisor that waited for its pod.
    var helper: ParkedHelper?
    /// So many connections at once; more than that are closed. Without an end to them there would be no descriptors left
    /// for containers.
    private static let mostClients = 256

    /// Makes the pod's namespaces and begins to listen.
    public init(_ config: SupervisorConfig) throws(LinuxError) {
        self.config = config
        cgroupProcs = config.cgroupProcs
        // Nothing in a container may look into this process through /proc or ptrace, not even while a process that is
        // about to join a container still shares its memory.
        try systemCall("prctl") { linux_set_dumpable(0) }
        for signal in [SIGPIPE, SIGTERM, SIGINT, SIGHUP] { Glibc.signal(signal, SIG_IGN) }
        userNamespace = try SandboxSetup.apply(config)
        failpoint(.namespacesMade, config.runDirectory)
        if let parking = config.parking {
            // Now is the time to wait for the kernel: nobody else does.
            for path in cgroupProcs { try writeFile(path, "0") }
            cgroupProcs = []
            if !parking.helperProcs.isEmpty { helper = try ParkedHelper(joining: parking.helperProcs) }
            failpoint(.supervisorParked)
        }
        loop = try EventLoop()
        try systemCall("chdir", path: config.runDirectory) { chdir(config.runDirectory) }
        let start = processStartTime(getpid()) ?? 0
        try writeFile(SupervisorFiles.pid, create: "\(getpid()) \(start)\n")
        listener = try UnixSocket.listen(name: SupervisorFiles.socket)
        spare = try Descriptor(opening: "/dev/null", flags: O_RDONLY).release()
        try systemCall("chdir", path: "/") { chdir("/") }
    }

    /// Serves until the shutdown that a client asks for is complete.
    public func run() throws(LinuxError) {
        _ = try loop.add(listener) { [weak self] _ in self?.accept() }
        while !isAbandoned, !isShuttingDown || containers.values.contains(where: { $0.exit == nil }) {
            let count = try loop.turn(milliseconds: isSettled && !isAlone ? -1 : 1000)
            if !isSettled, count == 0 || hasWaitedLong { settle() }
            secondsAlone = isAlone ? secondsAlone + (count == 0 ? 1 : 0) : 0
        }
    }

    private var hasWaitedLong: Bool { monotonicSeconds() - unsettledSince >= Self.longestWait }

    /// What can wait until nobody waits: joins the v1 cgroups, once, and gives memory back.
    private func settle() {
        for path in cgroupProcs {
            failpoint(.supervisorSettling)
            do {
                try makeDirectories(parentDirectory(of: path))
                try writeFile(path, "0")
            } catch { complain("join a cgroup: \(error)") }
        }
        cgroupProcs = []
        linux_release_memory()
        linux_release_stack()
        isSettled = true
    }

    /// Whether it waits for a pod and nobody is there who could give it one: an agent holds a connection from the start.
    private var isAlone: Bool { config.parking != nil && clients.isEmpty }

    /// Whether that has gone on for so long that nobody will come. The first to come may be slow.
    private var isAbandoned: Bool { secondsAlone >= (hasHadClient ? 1 : 30) }

    /// Becomes the supervisor of a pod. To be told again of the same pod changes nothing.
    private func adopt(_ config: SupervisorConfig) -> SupervisorReply {
        guard self.config.parking != nil, config.parking == nil, !config.hostNetwork else {
            return .failed(kind: .invalid, message: "the supervisor has the pod \(self.config.podUID)")
        }
        failpoint(.podReceived)
        return perform { () throws(LinuxError) in
            try SandboxSetup.personalize(config)
            self.config = config
            cgroupProcs = config.cgroupProcs
            failpoint(.podAdopted)
        }
    }

    private func accept() {
        let descriptor = linux_accept(listener)
        guard descriptor >= 0 else {
            if errno == EMFILE || errno == ENFILE { turnAway() }
            return
        }
        guard clients.count < Self.mostClients, let peer = try? UnixSocket.peer(descriptor), peer.user == geteuid()
        else {
            close(descriptor)
            return
        }
        let client = try? ClientConnection(
            descriptor, loop: loop,
            handle: { [weak self] in self?.answer($0, $1, $2) },
            ended: { [weak self] in self?.clients[ObjectIdentifier($0)] = nil })
        // One that could not be watched has closed its descriptor.
        if let client { clients[ObjectIdentifier(client)] = client }
        hasHadClient = true
    }

    /// Closes the next connection, for which there is no descriptor: left in the queue it would be told of without end. A
    /// descriptor that is kept for this makes room for the moment.
    private func turnAway() {
        close(spare)
        let descriptor = linux_accept(listener)
        if descriptor >= 0 { close(descriptor) }
        spare = open("/dev/null", O_RDONLY | O_CLOEXEC)
    }

    private func answer(_ client: ClientConnection, _ request: SupervisorRequest, _ descriptors: [Int32]) {
        isSettled = false
        var unused = descriptors
        switch request {
        case .adopt(let config): client.send(adopt(config))
        case .launch(let request):
            unused = []
            client.send(launch(request, CgroupDescriptors(descriptors, hasUnified: request.hasUnifiedCgroup)))
        case .signal(let container, let signal): client.send(self.signal(container, signal))
        case .forget(let container): client.send(forget(container))
        case .list: client.send(.containers(containers.values.map(\.record).sorted { $0.container < $1.container }))
        case .exec(let request):
            let (reply, descriptors) = exec(request)
            client.send(reply, descriptors: descriptors)
        case .subscribe:
            client.isSubscriber = true
            client.send(.done)
        case .shutdown:
            client.send(.done)
            shutDown()
        }
        for descriptor in unused { close(descriptor) }
    }

    private func signal(_ name: String, _ signal: Int32) -> SupervisorReply {
        guard let container = containers[name] else { return .failed(kind: .notFound, message: "no container \(name)") }
        guard container.exit == nil else { return .done }
        failpoint(.signalReceived)
        return perform { () throws(LinuxError) in try signalProcess(pidfd: container.pidfd, signal: signal) }
    }

    private func forget(_ name: String) -> SupervisorReply {
        failpoint(.forgetReceived)
        // Its end may be known to the client already and not yet to the loop.
        if let container = containers[name] { containerEnded(container) }
        if let container = containers[name], container.exit == nil {
            return .failed(kind: .invalid, message: "container \(name) still runs")
        }
        containers[name] = nil
        return .done
    }

    private func perform(_ body: () throws(LinuxError) -> Void) -> SupervisorReply {
        do {
            try body()
            return .done
        } catch {
            return .failed(kind: .system, message: error.description)
        }
    }

    private func shutDown() {
        failpoint(.shutdownReceived)
        isShuttingDown = true
        helper = nil
        for container in containers.values where container.exit == nil {
            try? signalProcess(pidfd: container.pidfd, signal: SIGKILL)
        }
        failpoint(.containersKilled)
    }

    /// Takes note of the end of a container's first process, with which all its processes have ended.
    func containerEnded(_ container: SupervisedContainer) {
        guard container.exit == nil, let end = try? reapChild(pidfd: container.pidfd) else { return }
        failpoint(.containerReaped, container.request.container)
        if let token = container.endToken { loop.remove(token) }
        for pump in container.pumps { pump.finish() }
        container.pumps = []
        let exit = container.exitRecord(end)
        // Nobody reads the record of a pod that is being removed.
        if !isShuttingDown {
            do {
                try SupervisedContainer.record(exit, directory: container.request.directory)
            } catch {
                complain("record the end of \(container.request.container): \(error)")
            }
        }
        container.exit = exit
        failpoint(.endRecorded, container.request.container)
        for client in Array(clients.values) where client.isSubscriber {
            client.send(.ended(container: container.request.container))
        }
        failpoint(.endTold, container.request.container)
    }

    /// Writes to the supervisor's log.
    func complain(_ message: String) {
        let line = Array("\(message)\n".utf8)
        _ = write(STDERR_FILENO, line, line.count)
    }
}

/// The seconds of a clock that nobody sets; some milliseconds late, and cheap to read (clock_gettime(2)).
private func monotonicSeconds() -> Int {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC_COARSE, &time)
    return time.tv_sec
}
