import ContainerRuntime
public import Model

extension Container {
    /// The probes that are set.
    var probes: [(kind: ProbeKind, probe: Probe)] {
        [(.startup, startupProbe), (.readiness, readinessProbe), (.liveness, livenessProbe)].compactMap { kind, probe in
            probe.map { (kind, $0) }
        }
    }
}

extension Probe {
    var period: TimeSpan { .milliseconds(periodMilliseconds ?? 10_000) }
    var timeout: TimeSpan { .milliseconds(timeoutMilliseconds ?? 1_000) }
}

extension PodRecord {
    /// Collects the checks that are due and marks them as under way.
    mutating func dueProbes(now: TimeSpan, into decision: inout PodDecision) {
        guard let address = network.value else { return }
        for container in allContainers where isRunning(container.name) {
            guard var record = containers[container.name], record.ending == nil, let attempt = record.probedAttempt
            else { continue }
            for (kind, probe) in container.probes {
                // Until the startup probe has succeeded the others do not run; then it is over.
                guard var progress = record.probes[kind], (kind == .startup) != record.isStarted, !progress.isInFlight
                else { continue }
                if progress.nextAt <= now {
                    progress.isInFlight = true
                    progress.nextAt = now + probe.period
                    record.probes[kind] = progress
                    let key = ProbeKey(podUID: pod.uid, container: container.name, attempt: attempt, kind: kind)
                    decision.probes.append(
                        ProbeRequest(key: key, probe: probe, ports: container.ports, address: address))
                } else {
                    decision.wake(at: progress.nextAt)
                }
            }
            containers[container.name] = record
        }
    }

    /// Takes note of a check's result. A result for an attempt that has ended changes nothing.
    ///
    /// - Parameter failure: what went wrong; nil for success.
    public mutating func noteProbe(_ key: ProbeKey, failure: String?, now: TimeSpan) {
        guard var record = containers[key.container], record.probedAttempt == key.attempt, isRunning(key.container),
            var progress = record.probes[key.kind],
            let probe = allContainers.first(where: { $0.name == key.container })?.probes.first(where: {
                $0.kind == key.kind
            })?.probe
        else { return }
        progress.isInFlight = false
        if failure != nil, key.kind == .readiness, let delay = progress.earlyDelay(within: probe.period) {
            progress.earlyFailures? += 1
            progress.nextAt = now + delay
            containers[key.container]?.probes[key.kind] = progress
            return
        }
        progress.earlyFailures = nil
        // A command that cannot be started says something of the container: its limits, its supervisor.
        if failure != nil, probe.exec != nil { lookAt = now }
        progress.successes = failure == nil ? progress.successes + 1 : 0
        progress.failures = failure == nil ? 0 : progress.failures + 1
        progress.message = failure ?? progress.message
        record.probes[key.kind] = progress
        if let failure, progress.failures == 1 || progress.failures == probe.failureLimit {
            events.append(
                PodEvent(
                    isWarning: true, reason: "Unhealthy", message: "\(key.kind.rawValue) probe failed: \(failure)",
                    container: key.container))
        }
        let hasSucceeded = progress.successes >= (probe.successThreshold ?? 1)
        let hasFailed = progress.failures >= probe.failureLimit
        switch key.kind {
        case .startup where hasSucceeded:
            record.isStarted = true
            let hasReadiness = record.probes[.readiness] != nil
            record.isReady = !hasReadiness
            for kind in [ProbeKind.readiness, .liveness] { record.probes[kind]?.nextAt = now }
        case .readiness where hasSucceeded: record.isReady = true
        case .readiness where hasFailed: record.isReady = false
        case .startup where hasFailed, .liveness where hasFailed:
            let reason = key.kind == .startup ? "StartupFailed" : "LivenessFailed"
            let message = "\(key.kind.rawValue) probe failed \(progress.failures) times in a row: \(failure ?? "")"
            record.ending = record.ending ?? ContainerRecord.Ending(reason: reason, message: message)
            record.isReady = false
        default: break
        }
        containers[key.container] = record
    }

    /// The next step of ending containers whose startup or liveness probe failed: signal, wait, kill.
    func endings(now: TimeSpan, into decision: inout PodDecision) -> PodAction? {
        for container in allContainers where isRunning(container.name) {
            guard let ending = containers[container.name]?.ending, let observation = latest(container.name) else {
                continue
            }
            guard let signalledAt = ending.signalledAt else {
                return .signal(name: container.name, attempt: observation.attempt, signal: container.stopSignalNumber)
            }
            let deadline = signalledAt + .seconds(pod.spec.terminationGracePeriodSeconds ?? 30)
            if ending.killedAt == nil {
                if now >= deadline {
                    return .signal(name: container.name, attempt: observation.attempt, signal: 9)
                }
                decision.wake(at: deadline)
            }
        }
        return nil
    }
}

extension ContainerRecord {
    /// Takes over what an agent before this one has told of the running attempt: it gets requests for as long as no check says
    /// otherwise, and a start that is over is not checked once more.
    mutating func takeOver(_ known: ContainerStatus) {
        guard probes.values.allSatisfy({ $0.successes == 0 && $0.failures == 0 }) else { return }
        isStarted = isStarted || known.started == true
        guard known.ready, isStarted else { return }
        isReady = true
        probes[.readiness]?.earlyFailures = nil
    }
}

extension ProbeProgress {
    /// How soon a container that is only just starting is asked again whether it is ready: after 50 ms, and after twice as
    /// long each time. A program needs some milliseconds until it listens, and nobody should wait a whole period for
    /// that. These failures are not counted: nothing is wrong yet. Nil once that would be no sooner than the period.
    fileprivate func earlyDelay(within period: TimeSpan) -> TimeSpan? {
        guard let earlyFailures, earlyFailures < 16 else { return nil }
        let delay = TimeSpan.milliseconds(50 << Int64(earlyFailures))
        return delay < period ? delay : nil
    }
}

extension Probe {
    var failureLimit: Int { failureThreshold ?? 3 }
}

extension Container {
    /// The number of the signal that asks the container to stop.
    var stopSignalNumber: Int32 { lifecycle?.stopSignal.flatMap(SignalName.number(of:)) ?? 15 }
}

/// Signals by name, as `stop.signal` names them (signal(7)).
enum SignalName {
    private static let numbers: [String: Int32] = [
        "HUP": 1, "INT": 2, "QUIT": 3, "ABRT": 6, "KILL": 9, "USR1": 10, "USR2": 12, "PIPE": 13, "ALRM": 14,
        "TERM": 15, "CHLD": 17, "CONT": 18, "STOP": 19, "WINCH": 28, "PWR": 30,
    ]

    /// The number of `SIGTERM`, `TERM`, `15` or `SIGRTMIN+3`.
    static func number(of name: String) -> Int32? {
        let short = name.hasPrefix("SIG") ? String(name.dropFirst(3)) : name
        if let number = numbers[short] { return number }
        if short.hasPrefix("RTMIN+"), let offset = Int32(short.dropFirst(6)), (0...30).contains(offset) {
            return 34 + offset
        }
        return Int32(short).flatMap { (1...64).contains($0) ? $0 : nil }
    }
}
