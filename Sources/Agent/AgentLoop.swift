import ContainerRuntime
import Failpoints
import Model
import Synchronization
import Threads

/// The agent's loop: gives `AgentCore` its thread and its clocks, and carries out what it asks for - actions by the workers, one a
/// pod at a time. Used by the loop's thread only.
final class AgentLoop {
    private let agent: Agent
    private var core: AgentCore

    init(_ agent: Agent) {
        self.agent = agent
        core = AgentCore(hostAddress: agent.parts.network.hostAddress, log: agent.parts.log)
    }

    /// Runs until the agent stops.
    func run() {
        var dirty = core.adopt(agent.executor.copies.load())
        while true {
            for effect in core.decide(for: dirty, now: MachineClock.monotonic, wall: MachineClock.wall) {
                carryOut(effect)
            }
            let wait = core.nextWake.map { $0 - MachineClock.monotonic }
            guard let messages = agent.messages.receiveAll(waiting: wait) else { return }
            let machine = Machine(agent: agent)
            dirty = Set(messages.flatMap { core.handle($0, now: MachineClock.monotonic, machine: machine) })
            if messages.contains(where: \.changesContainers) { agent.running.withLock { $0 = core.runningContainers } }
            dirty.formUnion(core.due(now: MachineClock.monotonic))
        }
    }

    private func carryOut(_ effect: AgentCore.Effect) {
        switch effect {
        case .perform(let job): agent.jobs.send(job)
        case .probe(let request): agent.probe(request)
        case .serve(var pod, let status, let isReady):
            let messages = agent.messages
            let uid = pod.uid
            guard let traffic = agent.traffic else { return messages.send(.served(uid)) }
            pod.status = status
            traffic.serve(pod, isReady: isReady) { messages.send(.served(uid)) }
        case .drain(let pod):
            let messages = agent.messages
            let uid = pod.uid
            guard let traffic = agent.traffic else { return messages.send(.drained(uid)) }
            let patience = traffic.drain(uid) { messages.send(.drained(uid)) }
            if let patience { messages.send(.draining(uid, atMost: patience)) }
        case .report(let status, let pod): agent.reporter.report(status, of: pod)
        case .record(let event, let pod): agent.reporter.record(event, of: pod)
        }
    }

    private struct Machine: AgentMachine {
        let agent: Agent

        func podsWithRemains() -> Set<String> {
            let sandboxes = (try? agent.parts.runtime.observe()) ?? []
            return agent.executor.volumes.podsWithRemains().union(sandboxes.map(\.podUID))
        }

        func sweepNetwork(livePodUIDs: Set<String>) throws {
            failpoint(.sweeping)
            try agent.parts.network.sweep(livePodUIDs: livePodUIDs)
            failpoint(.swept)
        }
    }
}

extension AgentMessage {
    /// Whether other containers may run than before.
    fileprivate var changesContainers: Bool {
        switch self {
        case .pods, .runtimeChanged, .performed: true
        case .served, .draining, .drained, .probed: false
        }
    }
}
