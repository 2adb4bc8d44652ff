import ContainerRuntime
import Model

/// What the node's pods are and what is to be done about them: the agent's loop without its thread, its clocks and its effects.
package struct AgentCore {
    /// Something that the loop asks for.
    package enum Effect: Sendable {
        /// Perform an action; the pod is left alone until `.performed` says how it ended.
        case perform(AgentJob)
        /// Make a check; `.probed` says how it ended.
        case probe(ProbeRequest)
        /// Have requests come to a pod, or come no more; `.served` says when they do.
        case serve(Pod, PodStatus, isReady: Bool)
        /// Send requests elsewhere; `.drained` says when none is in flight any more.
        case drain(Pod)
        /// Report a pod's status.
        case report(PodStatus, Pod)
        /// Report an event of a pod.
        case record(PodEvent, Pod)
    }

    private let hostAddress: String
    private let log: @Sendable (String) -> Void
    private var records: [String: PodRecord] = [:]
    /// Pods with an action under way.
    private var busy: Set<String> = []
    /// Pods of which something ended while an action was under way.
    private var stale: Set<String> = []
    /// When each pod is decided for again at the latest.
    private var wakeAt: [String: TimeSpan] = [:]
    /// The statuses that were last reported of each pod, the newest last.
    private var reported: [String: [PodStatus]] = [:]
    /// Pods that are known from their copies only: what the server has of them may be newer, so nothing is reported of them yet.
    private var unconfirmed: Set<String> = []
    private var hasListed = false

    /// Knows of no pod yet.
    ///
    /// - Parameters:
    ///   - hostAddress: the node's address, for the pods' statuses.
    ///   - log: takes one line of text.
    package init(hostAddress: String, log: @escaping @Sendable (String) -> Void) {
        self.hostAddress = hostAddress
        self.log = log
    }

    /// When to decide again at the latest; nil when only a message can make a difference.
    package var nextWake: TimeSpan? { wakeAt.values.min() }

    /// The containers whose first process runs.
    var runningContainers: [UsageReading.Container] {
        records.flatMap { uid, record in
            (record.sandbox?.containers ?? []).compactMap { container in
                guard case .running = container.phase else { return nil }
                return UsageReading.Container(podUID: uid, name: container.name, attempt: container.attempt)
            }
        }
    }

    /// The pods that are to be decided for by now.
    package func due(now: TimeSpan) -> Set<String> { Set(wakeAt.filter { $0.value <= now }.keys) }

    /// Takes up the pods of which there is a copy: they are kept running whether or not a server can be reached.
    package mutating func adopt(_ copies: [Pod]) -> Set<String> {
        for pod in copies { add(pod) }
        unconfirmed = Set(records.keys)
        return Set(records.keys)
    }

    private mutating func add(_ pod: Pod) {
        var record = PodRecord(pod: pod)
        record.status.hostIP = hostAddress
        records[pod.uid] = record
    }

    // MARK: - Messages

    /// Takes note of a message.
    ///
    /// - Parameters:
    ///   - now: the monotonic clock.
    ///   - machine: asked, with the first list, what lies about of pods that nobody knows.
    /// - Returns: the pods to decide for.
    package mutating func handle(_ message: AgentMessage, now: TimeSpan, machine: some AgentMachine) -> [String] {
        switch message {
        case .pods(.all(let pods)): return list(pods, machine)
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
                log("pod \(pod.namespace)/\(pod.name): \(action.failureReason): \(message)")
            }
            records[uid]?.note(action, result, observation: observation, now: now)
            return [uid]
        case .served(let uid):
            records[uid]?.noteServed()
            return [uid]
        case .draining(let uid, let patience):
            records[uid]?.noteDraining(atMost: patience)
            return [uid]
        case .drained(let uid):
            records[uid]?.noteDrained()
            return [uid]
        case .probed(let key, let failure):
            records[key.podUID]?.noteProbe(key, failure: failure, now: now)
            return [key.podUID]
        }
    }

    private mutating func update(_ pod: Pod) -> String {
        if records[pod.uid] == nil {
            add(pod)
        } else if unconfirmed.remove(pod.uid) != nil {
            records[pod.uid]?.confirm(pod)
        } else {
            records[pod.uid]?.pod = pod
        }
        // A status that is not ours: somebody wrote over it, or an old one came late. It is put right.
        if let ours = reported[pod.uid], let stored = pod.status, !ours.contains(stored) { reported[pod.uid] = nil }
        return pod.uid
    }

    /// Takes the whole list of the node's pods; what is here and not in it is gone.
    private mutating func list(_ pods: [Pod], _ machine: some AgentMachine) -> [String] {
        for pod in pods { _ = update(pod) }
        let listed = Set(pods.map(\.uid))
        var gone = Set(records.keys).subtracting(listed)
        if !hasListed {
            // Remains without a copy: of pods that were made or removed when a crash came in between.
            let remains = machine.podsWithRemains()
            for uid in remains.subtracting(listed) where records[uid] == nil {
                add(Pod { $0.metadata.uid = uid })
                gone.insert(uid)
            }
            do {
                try machine.sweepNetwork(livePodUIDs: listed.union(remains))
                hasListed = true
            } catch {
                log("sweeping the network failed: \(error)")
            }
        }
        for uid in gone { records[uid]?.isGone = true }
        return Array(listed.union(gone))
    }

    // MARK: - Decisions

    /// Decides for pods, in the order of their identities.
    ///
    /// - Parameters:
    ///   - now: the monotonic clock.
    ///   - wall: the wall clock, for statuses.
    package mutating func decide(for uids: Set<String>, now: TimeSpan, wall: Timestamp) -> [Effect] {
        var effects: [Effect] = []
        for uid in uids.sorted() { decide(for: uid, now: now, wall: wall, &effects) }
        return effects
    }

    private mutating func decide(for uid: String, now: TimeSpan, wall: Timestamp, _ effects: inout [Effect]) {
        guard var record = records[uid] else { return forget(uid) }
        if busy.contains(uid) {
            // Probes and deadlines go on once the action is done; its message makes the pod dirty again.
            wakeAt[uid] = nil
            return
        }
        if stale.remove(uid) != nil { return start(.observe, record, &effects) }
        let decision = record.decide(now: now, wall: wall)
        publish(&record, &effects)
        records[uid] = record
        wakeAt[uid] = decision.wakeAt
        effects += decision.probes.map { .probe($0) }
        if let isReady = decision.serves { effects.append(.serve(record.pod, record.status, isReady: isReady)) }
        if decision.startsDrain { effects.append(.drain(record.pod)) }
        if let action = decision.action { start(action, record, &effects) }
        if decision.isFinished { forget(uid) }
    }

    private mutating func start(_ action: PodAction, _ record: PodRecord, _ effects: inout [Effect]) {
        busy.insert(record.pod.uid)
        effects.append(.perform(AgentJob(record: record, action: action)))
    }

    private mutating func forget(_ uid: String) {
        records[uid] = nil
        wakeAt[uid] = nil
        reported[uid] = nil
        unconfirmed.remove(uid)
        stale.remove(uid)
    }

    /// Reports what changed; nothing is reported of pods whose object is gone.
    private mutating func publish(_ record: inout PodRecord, _ effects: inout [Effect]) {
        guard record.isObserved, !unconfirmed.contains(record.pod.uid) else { return }
        defer { record.events = [] }
        guard !record.isGone, !record.isReleased else { return }
        if !record.isRegainingAddress, reported[record.pod.uid]?.last != record.status {
            reported[record.pod.uid] = (reported[record.pod.uid] ?? []).suffix(7) + [record.status]
            effects.append(.report(record.status, record.pod))
        }
        effects += record.events.map { .record($0, record.pod) }
    }
}

/// What the loop asks of its machine when it has listed its pods for the first time.
package protocol AgentMachine {
    /// The pods of which anything is here: sandboxes, volumes, logs.
    func podsWithRemains() -> Set<String>
    /// Takes away addresses and interfaces that no live pod owns.
    func sweepNetwork(livePodUIDs: Set<String>) throws
}
