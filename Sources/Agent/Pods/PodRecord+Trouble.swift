import ContainerRuntime
import Linux
import Model

/// What is wrong on the machine with a pod that was made as it should be: containers that run into their limits, processes that
/// cannot be killed or were stopped, a supervisor that does not answer.
extension PodRecord {
    /// How long after a kill a process counts as one that cannot be killed.
    static let killPatience = TimeSpan.seconds(5)
    /// How often a running pod is looked at although nothing was heard of it.
    static let lookPeriod = TimeSpan.seconds(15)
    /// The reason of a failure that is the supervisor's silence.
    static let supervisorSilent = "SupervisorNotResponding"

    /// Takes note of what the runtime saw of the containers' limits and of processes that outlive being killed.
    mutating func noteTrouble(now: TimeSpan, wall: Timestamp, into decision: inout PodDecision) {
        for container in allContainers {
            guard let observation = latest(container.name) else { continue }
            notePressure(container, observation)
            noteStop(container.name, observation)
            guard case .running(let pid) = observation.phase else {
                containers[container.name]?.killedAt = nil
                containers[container.name]?.unkillable = nil
                continue
            }
            noteKill(container.name, pid, now: now, wall: wall, into: &decision)
        }
    }

    private mutating func noteKill(
        _ name: String, _ pid: Int32, now: TimeSpan, wall: Timestamp, into decision: inout PodDecision
    ) {
        guard var record = containers[name], let killedAt = record.killedAt, record.unkillable == nil else { return }
        guard now - killedAt >= Self.killPatience else { return decision.wake(at: killedAt + Self.killPatience) }
        let moment = Timestamp(seconds: (wall + (killedAt - now)).seconds)
        let message =
            "container \(name): process \(pid) was killed at \(moment) and does not end: it is stuck in the kernel, or "
            + "frozen; what it uses stays in use"
        record.unkillable = message
        containers[name] = record
        events.append(PodEvent(isWarning: true, reason: "Unkillable", message: message, container: name))
    }

    private mutating func noteStop(_ name: String, _ observation: ContainerObservation) {
        var message: String?
        if case .running(let pid) = observation.phase, observation.isStopped {
            message =
                "container \(name): process \(pid) was stopped by a signal and does nothing until it is told to go on "
                + "(kill -CONT \(pid))"
        }
        guard message != containers[name]?.stopped else { return }
        containers[name, default: ContainerRecord()].stopped = message
        guard let message else { return }
        events.append(PodEvent(isWarning: true, reason: "Stopped", message: message, container: name))
    }

    private mutating func notePressure(_ container: Container, _ observation: ContainerObservation) {
        var record = containers[container.name] ?? ContainerRecord()
        defer { containers[container.name] = record }
        if record.pressedAttempt != observation.attempt {
            record.pressedAttempt = observation.attempt
            (record.pressure, record.limit) = (CgroupPressure(), nil)
        }
        let known = record.pressure
        guard let pressure = observation.pressure else { return }
        record.pressure = pressure
        if pressure.refusedProcesses > known.refusedProcesses || pressure.isOutOfProcesses {
            let message = processLimitMessage(container.name, pressure)
            if record.limit == nil {
                events.append(
                    PodEvent(
                        isWarning: true, reason: "ProcessLimitReached", message: message, container: container.name))
            }
            record.limit = message
        } else {
            record.limit = nil
        }
        guard case .running = observation.phase, pressure.memoryKills > known.memoryKills else { return }
        events.append(
            PodEvent(
                isWarning: true, reason: "ProcessOOMKilled",
                message:
                    "container \(container.name): the kernel killed \(pressure.memoryKills - known.memoryKills) of its "
                    + "processes: \(memoryText(container, pressure)); the container itself goes on",
                container: container.name))
    }

    private func processLimitMessage(_ name: String, _ pressure: CgroupPressure) -> String {
        let limit =
            pressure.processLimit.map { "its limit of \($0) processes is reached" } ?? "no process could be made"
        let zombies =
            pressure.zombies == 0
            ? "" : "; \(pressure.zombies) of them have ended and are not reaped by the container's first process"
        return "container \(name): \(limit)\(zombies)"
    }

    /// What is known of a container's memory: its limit, and the most that it used.
    func memoryText(_ container: Container, _ pressure: CgroupPressure?) -> String {
        let limit = container.resources?.limits["memory"].map { "the memory limit of \($0)" } ?? "the machine's memory"
        let peak = pressure.flatMap {
            $0.memoryPeakBytes > 0 ? Quantity.bytes(Int64(clamping: $0.memoryPeakBytes)) : nil
        }
        return "it exceeded \(limit)" + (peak.map { " (at most \($0) were in use)" } ?? "")
    }

    /// The condition that tells of containers that run into their limits; nil when none ever did.
    func limitCondition(_ known: Condition?) -> Condition? {
        let limits = allContainers.compactMap { containers[$0.name]?.limit }
        if limits.isEmpty {
            return known.map { _ in Condition("LimitReached", false, reason: "WithinLimits", message: "") }
        }
        return Condition("LimitReached", true, reason: "ProcessLimitReached", message: limits.joined(separator: "; "))
    }

    /// What cannot be killed, or does not go on, as the reason of the pod's status.
    var stuck: (reason: String, message: String)? {
        let running = allContainers.filter { isRunning($0.name) }.compactMap { containers[$0.name] }
        let unkillable = running.compactMap(\.unkillable)
        if !unkillable.isEmpty { return ("Unkillable", unkillable.joined(separator: "; ")) }
        let stopped = running.compactMap(\.stopped)
        return stopped.isEmpty ? nil : ("Stopped", stopped.joined(separator: "; "))
    }

    /// Takes note of whether the pod's supervisor answers.
    ///
    /// - Returns: whether it was silent, so that the action did not happen.
    mutating func noteSilence(_ result: PodActionResult, isSupervised: Bool, now: TimeSpan) -> Bool {
        guard case .failure(Self.supervisorSilent, let message) = result else {
            if silence != nil, isSupervised {
                events.append(PodEvent(reason: "SupervisorResponds", message: "the pod's supervisor answers again"))
            }
            silence = nil
            return false
        }
        if silence == nil { events.append(PodEvent(isWarning: true, reason: Self.supervisorSilent, message: message)) }
        let count = (silence?.count ?? 0) + 1
        silence = StepFailure(
            reason: Self.supervisorSilent, message: message, count: count,
            retryAt: now + min(.seconds(5), Backoff.delay(afterFailures: count)))
        return true
    }

    /// What to do for a pod whose supervisor is silent: ask again now and then; a pod that is to stop is taken apart without
    /// it once its grace period is over.
    mutating func decideSilence(_ failure: StepFailure, now: TimeSpan, into decision: inout PodDecision) {
        if isStopping {
            let begun = stop?.signalledAt ?? now
            stop = stop ?? StopProgress()
            stop?.signalledAt = begun
            if isGone || now >= begun + gracePeriod {
                decision.action = .teardown
                return
            }
            decision.wake(at: begun + gracePeriod)
        }
        if failure.retryAt <= now { decision.action = .observe } else { decision.wake(at: failure.retryAt) }
    }

    /// Has a pod that runs looked at now and then, and after a command that failed in it.
    mutating func look(now: TimeSpan, into decision: inout PodDecision) {
        guard decision.action == nil, !isStopping, isAnyRunning else { return }
        let moment = lookAt ?? now + Self.lookPeriod
        if moment > now {
            lookAt = moment
            decision.wake(at: moment)
        } else {
            lookAt = now + Self.lookPeriod
            decision.action = .observe
        }
    }
}

extension CgroupPressure {
    /// Whether no further process could be made now.
    fileprivate var isOutOfProcesses: Bool { processLimit.map { refusedProcesses > 0 && processes >= $0 } ?? false }
}
