import Agent
import Client
import Commands
import ContainerRuntime
import Model

/// One life of an agent: the production core, executor, reporter and connection, with events in the place of their threads.
///
/// `@unchecked Sendable`: a simulation has one thread.
final class SimulatedAgent: @unchecked Sendable {
    private unowned let machine: Machine
    private unowned let world: World
    private var core: AgentCore
    private let connection: NodeAPIConnection
    private let executor: PodExecutor
    private let reporter: StatusReporter
    private var messages: [AgentMessage] = []
    private var jobs: [AgentJob] = []
    private var performing = 0
    private var isAlive = true
    private var stalledUntil = TimeSpan.zero
    private var tickAt: TimeSpan?
    private var isReporting = false
    private var reportDelay: TimeSpan?
    private var stream: WatchStream?
    private var watchDelay = TimeSpan.milliseconds(250)

    /// How many actions are performed at a time, as in production.
    private static let workerCount = 8

    init(_ machine: Machine) {
        self.machine = machine
        world = machine.world
        let kernel = machine.kernel
        connection = NodeAPIConnection(machine.client) { [unowned machine] in machine.wall }
        executor = PodExecutor(
            runtime: kernel, images: kernel, network: kernel, connection: connection, volumes: kernel,
            copies: KernelCopies(kernel: kernel), paths: AgentPaths(data: "/data", run: "/run"))
        reporter = StatusReporter(connection: connection, node: machine.name) { _ in }
        core = AgentCore(hostAddress: kernel.hostAddress) { _ in }
    }

    private var lane: String { machine.lane }

    /// Has something happen later if this agent lives then; while it stands still, when it goes on.
    private func after(_ delay: TimeSpan, _ body: @escaping () -> Void) {
        world.after(delay) { [weak self] in
            guard let self, isAlive else { return }
            if world.now < stalledUntil { return after(stalledUntil - world.now, body) }
            body()
        }
    }

    // MARK: - Life

    func begin() {
        carryOut(core.decide(for: core.adopt(executor.copies.load()), now: world.now, wall: machine.wall))
        scheduleWake()
        watch()
        register(delay: .milliseconds(250))
    }

    func die() {
        isAlive = false
        stream?.abandon()
        stream = nil
    }

    /// Stands still for a while, as under SIGSTOP.
    func stall(for length: TimeSpan) {
        world.note("agent", "\(machine.name) stands still for \(length)")
        stalledUntil = max(stalledUntil, world.now + length)
    }

    /// Goes on at once.
    func wakeUp() {
        stalledUntil = .zero
        tickAt = nil
        tick(after: .zero)
    }

    // MARK: - The loop

    /// Gives the loop a message.
    func send(_ message: AgentMessage) {
        messages.append(message)
        tick(after: .milliseconds(1))
    }

    private func tick(after delay: TimeSpan) {
        let time = world.now + max(.zero, delay)
        if let tickAt, tickAt <= time { return }
        tickAt = time
        after(delay) { [weak self] in
            guard let self, tickAt.map({ $0 <= self.world.now }) == true else { return }
            tickAt = nil
            tick()
        }
    }

    private func tick() {
        let batch = messages
        messages = []
        var dirty = Set<String>()
        for message in batch {
            dirty.formUnion(core.handle(message, now: world.now, machine: self))
            guard isAlive else { return }
        }
        dirty.formUnion(core.due(now: world.now))
        carryOut(core.decide(for: dirty, now: world.now, wall: machine.wall))
        scheduleWake()
    }

    private func scheduleWake() {
        if let next = core.nextWake { tick(after: max(next - world.now, .milliseconds(1))) }
    }

    private func carryOut(_ effects: [AgentCore.Effect]) {
        for effect in effects {
            switch effect {
            case .perform(let job):
                jobs.append(job)
                startJobs()
            case .probe(let request): probe(request)
            case .serve(let pod, _, let isReady):
                let uid = pod.uid
                guard isReady else { continue }
                after(world.draw(lane) { $0.span(.milliseconds(1)...(.milliseconds(100))) }) { [weak self] in
                    self?.send(.served(uid))
                }
            case .drain(let pod):
                let uid = pod.uid
                after(world.draw(lane) { $0.span(.milliseconds(1)...(.seconds(2))) }) { [weak self] in
                    self?.send(.drained(uid))
                }
            case .report(let status, let pod):
                reporter.report(status, of: pod)
                report(after: .milliseconds(1))
            case .record(let event, let pod):
                reporter.record(event, of: pod)
                report(after: .milliseconds(1))
            }
        }
    }

    // MARK: - Workers

    private func startJobs() {
        while performing < Self.workerCount, !jobs.isEmpty {
            let job = jobs.removeFirst()
            performing += 1
            let most = max(world.strength(.slowActions), 2)
            after(world.draw(lane) { $0.span(.milliseconds(1)...(.milliseconds(Int64(most)))) }) { [weak self] in
                self?.perform(job)
            }
        }
    }

    private func perform(_ job: AgentJob) {
        let uid = job.record.pod.uid
        world.note("action", "\(machine.name): \(uid) \(job.action)")
        var (result, observation) = executor.perform(job.action, for: job.record)
        guard isAlive else { return }
        if !result.isFailure, world.happens(.repeatedAction, lane) {
            let before = machine.kernel.pods[uid]?.text ?? "nothing"
            (result, observation) = executor.perform(job.action, for: job.record)
            guard isAlive else { return }
            if !result.isFailure {
                let after = machine.kernel.pods[uid]?.text ?? "nothing"
                world.observe(.repeated(node: machine.name, action: "\(job.action)", before: before, after: after))
            }
        }
        performing -= 1
        messages.append(.performed(uid: uid, job.action, result, observation))
        tick(after: .milliseconds(1))
        startJobs()
    }

    private func probe(_ request: ProbeRequest) {
        after(world.draw(lane) { $0.span(.milliseconds(1)...(.milliseconds(40))) }) { [weak self] in
            guard let self else { return }
            let process = machine.kernel.pods[request.key.podUID]?.processes.first {
                $0.observation.name == request.key.container && $0.observation.attempt == request.key.attempt
            }
            send(.probed(request.key, failure: process?.isRunning == true ? nil : "connection refused"))
        }
    }

    // MARK: - Reports

    private func report(after delay: TimeSpan) {
        guard !isReporting else { return }
        isReporting = true
        after(delay) { [weak self] in
            guard let self else { return }
            isReporting = false
            guard reporter.hasPending else { return }
            let isComplete = reporter.sendAll()
            guard isAlive else { return }
            reportDelay = isComplete ? nil : StatusReporter.retryDelay(after: reportDelay)
            if let reportDelay { report(after: reportDelay) } else if reporter.hasPending { report(after: .zero) }
        }
    }

    private func register(delay: TimeSpan) {
        var next = TimeSpan.seconds(60)
        do {
            try connection.register(machine.node)
        } catch {
            next = delay
        }
        guard isAlive else { return }
        let isDone = next == .seconds(60)
        after(next) { [weak self] in self?.register(delay: isDone ? .milliseconds(250) : min(delay * 2, .seconds(5))) }
    }

    // MARK: - The watch

    private func watch() {
        let selection = NodeAPIConnection.selection(node: machine.name)
        guard let pods = try? machine.client.list(Pod.self, selection) else { return watchAgain() }
        send(.pods(.all(pods.items)))
        let path =
            ResourceType.pod.path(namespace: nil)
            + "?fieldSelector=spec.nodeName%3D\(machine.name)&watch=true&allowWatchBookmarks=true&timeoutSeconds=2400"
            + "&resourceVersion=\(pods.resourceVersion)"
        let stream = WatchStream(world, lane: "watch \(machine.name)", pace: nil) { [weak self] arrival in
            guard let self, isAlive else { return }
            receive(arrival)
        }
        guard machine.client.watch(path, stream) else { return watchAgain() }
        self.stream = stream
    }

    private func receive(_ arrival: WatchStream.Arrival) {
        switch arrival {
        case .message(let bytes):
            guard let event = try? WatchEvent(document: bytes) else {
                stream?.abandon()
                return watchAgain()
            }
            watchDelay = .milliseconds(250)
            if let change = NodeAPIConnection.change(event) { send(.pods(change)) }
        case .end: watchAgain()
        }
    }

    private func watchAgain() {
        stream = nil
        after(watchDelay) { [weak self] in self?.watch() }
        watchDelay = min(watchDelay * 2, .seconds(5))
    }
}

extension PodActionResult {
    fileprivate var isFailure: Bool { if case .failure = self { true } else { false } }
}

extension SimulatedAgent: AgentMachine {
    func podsWithRemains() -> Set<String> {
        let sandboxes = (try? machine.kernel.observe()) ?? []
        return machine.kernel.podsWithRemains().union(sandboxes.map(\.podUID))
    }

    func sweepNetwork(livePodUIDs: Set<String>) throws { try machine.kernel.sweep(livePodUIDs: livePodUIDs) }
}
