import ContainerRuntime
import Failpoints
import Model
import Threads

/// The agent's loop: owns every pod's record, decides, and hands actions to the workers, one a pod at a time.
/// Used by the loop's thread only.
final class AgentLoop {
    private let agent: Agent
    private var records: [String: PodRecord] = [:]
    /// Pods with an action under way.
    private var busy: Set<String> = []
    /// Pods of which something ended while an action was under way.
    private var stale: Set<String> = []
    /// When each pod is decided for again at the latest.
    private var wakeAt: [String: TimeSpan] = [:]
    private var reported: [String: PodStatus] = [:]
    private var hasListed = false

    init(_ agent: Agent) { self.agent = agent }

    /// Runs until the agent stops.
    func run() {
        var dirty = adoptCopies()
        while true {
            decide(for: dirty)
            let next = wakeAt.values.min()
            guard let messages = agent.messages.receiveAll(waiting: next.map { $0 - MachineClock.monotonic }) else {
                return
            }
            dirty = Set(messages.flatMap { handle($0) })
            let now = MachineClock.monotonic
            for (uid, moment) in wakeAt where moment <= now { dirty.insert(uid) }
        }
    }

    /// Takes up the pods of which there is a copy: they are kept running whether or not a server can be reached.
    private func adoptCopies() -> Set<String> {
        for pod in agent.executor.copies.load() { add(pod) }
        return Set(records.keys)
    }

    private func add(_ pod: Pod) {
        var record = PodRecord(pod: pod)
        record.status.hostIP = agent.parts.network.hostAddress
        records[pod.uid] = record
    }

    // MARK: - Messages

    /// Takes note of a message; returns the pods to decide for.
    private func handle(_ message: AgentMessage) -> [String] {
        switch message {
        case .pods(.all(let pods)): return list(pods)
        case .pods(.changed(let pod)): return [update(pod)]
        case .pods(.removed(let uid)):
            records[uid]?.isGone = true
            return [uid]
        case .runtimeChanged(let uid):
            stale.insert(uid)
            return [uid]
        case .performed(let uid, let action, let result, let observation):
            busy.remove(uid)
            if case .failure(_, let message) = result, let pod = records[uid]?.pod {
                agent.parts.log("pod \(pod.namespace)/\(pod.name): \(action.failureReason): \(message)")
            }
            records[uid]?.note(action, result, observation: observation, now: MachineClock.monotonic)
            return [uid]
        case .probed(let key, let failure):
            records[key.podUID]?.noteProbe(key, failure: failure, now: MachineClock.monotonic)
            return [key.podUID]
        }
    }

    private func update(_ pod: Pod) -> String {
        if records[pod.uid] == nil { add(pod) } else { records[pod.uid]?.pod = pod }
        return pod.uid
    }

    /// Takes the whole list of the node's pods; what is here and not in it is gone.
    private func list(_ pods: [Pod]) -> [String] {
        for pod in pods { _ = update(pod) }
        let listed = Set(pods.map(\.uid))
        var gone = Set(records.keys).subtracting(listed)
        if !hasListed {
            // Remains without a copy: of pods that were made or removed when a crash came in between.
            let sandboxes = (try? agent.parts.runtime.observe()) ?? []
            let remains = agent.executor.volumes.podsWithRemains().union(sandboxes.map(\.podUID))
            for uid in remains.subtracting(listed) where records[uid] == nil {
                add(Pod { $0.metadata.uid = uid })
                gone.insert(uid)
            }
            do {
                failpoint(.sweeping)
                try agent.parts.network.sweep(livePodUIDs: listed.union(remains))
                failpoint(.swept)
                hasListed = true
            } catch {
                agent.parts.log("sweeping the network failed: \(error)")
            }
        }
        for uid in gone { records[uid]?.isGone = true }
        return Array(listed.union(gone))
    }

    // MARK: - Decisions

    private func decide(for uids: Set<String>) {
        for uid in uids.sorted() {
            guard var record = records[uid] else {
                forget(uid)
                continue
            }
            if busy.contains(uid) {
                // Probes and deadlines go on once the action is done; its message makes the pod dirty again.
                wakeAt[uid] = nil
                continue
            }
            if stale.remove(uid) != nil {
                start(.observe, record)
                continue
            }
            let decision = record.decide(now: MachineClock.monotonic, wall: MachineClock.wall)
            publish(&record)
            records[uid] = record
            wakeAt[uid] = decision.wakeAt
            for probe in decision.probes { agent.probe(probe) }
            if let action = decision.action { start(action, record) }
            if decision.isFinished { forget(uid) }
        }
    }

    private func start(_ action: PodAction, _ record: PodRecord) {
        busy.insert(record.pod.uid)
        agent.jobs.send(AgentJob(record: record, action: action))
    }

    private func forget(_ uid: String) {
        records[uid] = nil
        wakeAt[uid] = nil
        reported[uid] = nil
        stale.remove(uid)
    }

    /// Reports what changed; nothing is reported of pods whose object is gone.
    private func publish(_ record: inout PodRecord) {
        defer { record.events = [] }
        guard !record.isGone, !record.isReleased else { return }
        if !record.isRegainingAddress, reported[record.pod.uid] != record.status {
            reported[record.pod.uid] = record.status
            agent.reporter.report(record.status, of: record.pod)
        }
        for event in record.events { agent.reporter.record(event, of: record.pod) }
    }
}
