import ContainerRuntime
import Model

/// When and how long to wait before something that failed is tried again.
enum Backoff {
    /// The first wait.
    static let base = TimeSpan.seconds(1)
    /// The longest wait.
    static let ceiling = TimeSpan.seconds(60)
    /// A container that ran this long has shown that it works: its next end counts as the first.
    static let stablePeriod = TimeSpan.minutes(5)

    /// The wait after so many failures in a row: 1 s, 2 s, 4 s, ... 60 s.
    static func delay(afterFailures count: Int) -> TimeSpan {
        count > 6 ? ceiling : min(ceiling, base * (1 << Int64(max(0, count - 1))))
    }
}

extension PodRecord {
    /// Takes note of attempts that have ended since the last decision, and of ones that run.
    mutating func noteEnds(now: TimeSpan) {
        for container in allContainers {
            guard let observation = latest(container.name) else { continue }
            var record = containers[container.name] ?? ContainerRecord()
            switch observation.phase {
            case .creating: break
            case .running: noteRunning(container, observation, &record, now: now)
            case .exited, .failed: noteEnd(container, observation, &record, now: now)
            }
            containers[container.name] = record
        }
    }

    private func noteRunning(
        _ container: Container, _ observation: ContainerObservation, _ record: inout ContainerRecord, now: TimeSpan
    ) {
        guard record.probedAttempt != observation.attempt else { return }
        record.probedAttempt = observation.attempt
        record.runningSince = now
        record.startFailure = nil
        record.ending = nil
        record.isStarted = container.startupProbe == nil
        record.isReady = record.isStarted && container.readinessProbe == nil
        record.probes = [:]
        for (kind, probe) in container.probes {
            let delay = TimeSpan.milliseconds(probe.initialDelayMilliseconds ?? 0)
            record.probes[kind] = ProbeProgress(nextAt: now + delay)
        }
        if let known = record.lastKnown, known.containerID == containerID(container.name, observation.attempt) {
            record.takeOver(known)
        }
    }

    private mutating func noteEnd(
        _ container: Container, _ observation: ContainerObservation, _ record: inout ContainerRecord, now: TimeSpan
    ) {
        guard record.handledEnd != observation.attempt else { return }
        record.attemptFloor = max(record.attemptFloor, observation.attempt + 1)
        let isStable = record.runningSince.map { now - $0 >= Backoff.stablePeriod } ?? false
        record.failures = isStable ? 1 : record.failures + 1
        record.handledEnd = observation.attempt
        record.restartAt = now + Backoff.delay(afterFailures: record.failures)
        record.isReady = false
        record.isStarted = false
        record.probes = [:]
        record.runningSince = nil
        record.lastTermination = termination(of: observation, ending: record.ending)
        guard let end = record.lastTermination else { return }
        if end.exitCode != 0 || end.reason != "Completed" {
            events.append(
                PodEvent(
                    isWarning: !isStopping, reason: end.reason ?? "Error",
                    message: "container \(container.name) ended: \(end.message ?? "exit code \(end.exitCode)")",
                    container: container.name))
        }
    }

    /// How an attempt ended, in the words of the status.
    func termination(of observation: ContainerObservation, ending: ContainerRecord.Ending?) -> ContainerTerminated? {
        var end = ContainerTerminated()
        end.startedAt = observation.startedAt.map(Timestamp.init(nanoseconds:))
        end.finishedAt = observation.finishedAt.map(Timestamp.init(nanoseconds:))
        end.containerID = containerID(observation.name, observation.attempt)
        switch observation.phase {
        case .creating, .running: return nil
        case .failed(let message):
            (end.exitCode, end.reason, end.message) = (128, "StartError", message)
        case .exited(let exitCode, let signal, let outOfMemory):
            end.exitCode = exitCode
            end.signal = signal
            if outOfMemory {
                end.reason = "OOMKilled"
                let container = allContainers.first { $0.name == observation.name } ?? Container()
                end.message = "killed by the kernel: \(memoryText(container, observation.pressure))"
            } else if let ending {
                (end.reason, end.message) = (ending.reason, ending.message)
            } else {
                end.reason = exitCode == 0 ? "Completed" : "Error"
                end.message = signal.map { "ended by signal \($0)" }
            }
        }
        return end
    }

    func containerID(_ name: String, _ attempt: Int) -> String { "martlet://\(pod.uid)/\(name)/\(attempt)" }
}
