import ContainerRuntime
import Linux
import Model
import Wire

/// What counters said at one moment.
struct UsageReading: Sendable {
    /// One container's first process and those that came from it.
    struct Container: Hashable, Sendable {
        var podUID: String
        var name: String
        var attempt: Int
    }

    /// The monotonic clock.
    var moment: TimeSpan
    /// The wall clock.
    var time: Timestamp
    /// Processor time of the whole machine since its start, in nanoseconds.
    var cpuNanoseconds: UInt64
    /// Memory in use on the whole machine, in bytes.
    var memoryBytes: UInt64
    /// What running containers have used.
    var containers: [Container: ContainerUsage]
}

/// Turns readings of counters into amounts over the time between them.
struct UsageMeter {
    /// A container, whichever attempt at it runs.
    private struct Lasting: Hashable {
        var podUID: String
        var name: String

        init(_ container: UsageReading.Container) { (podUID, name) = (container.podUID, container.name) }
    }

    /// How long the processor time of a container that does not run is remembered: longer than any wait for its restart.
    private static let patience = TimeSpan.minutes(15)

    private var last: UsageReading?
    /// The processor time of every container since it was first seen, over its restarts.
    private var totals: [Lasting: (nanoseconds: UInt64, seen: TimeSpan)] = [:]
    /// What was used between the last two readings; nil before there are two.
    private(set) var usage: NodeUsage?

    /// Takes a reading. A container of which there was none before is left out: it has run for a part of the time only.
    mutating func note(_ reading: UsageReading) {
        addUp(reading)
        defer { last = reading }
        guard let last, reading.moment > last.moment else { return }
        let window = reading.moment - last.moment
        var pods: [String: [String: NodeUsage.Amount]] = [:]
        for (container, now) in reading.containers {
            guard let before = last.containers[container] else { continue }
            pods[container.podUID, default: [:]][container.name] = NodeUsage.Amount(
                cpuNanocores: Self.rate(from: before.cpuNanoseconds, to: now.cpuNanoseconds, window),
                memoryBytes: now.memoryBytes, cpuNanoseconds: totals[Lasting(container)]?.nanoseconds ?? 0)
        }
        let node = NodeUsage.Amount(
            cpuNanocores: Self.rate(from: last.cpuNanoseconds, to: reading.cpuNanoseconds, window),
            memoryBytes: reading.memoryBytes, cpuNanoseconds: reading.cpuNanoseconds)
        usage = NodeUsage(time: reading.time, window: window, node: node, pods: pods)
    }

    /// Adds how far counters went on. Those of a container that was started again begin at zero.
    private mutating func addUp(_ reading: UsageReading) {
        for (container, now) in reading.containers {
            let before = last?.containers[container]?.cpuNanoseconds ?? 0
            let known = totals[Lasting(container)]?.nanoseconds ?? 0
            let growth = now.cpuNanoseconds > before ? now.cpuNanoseconds - before : 0
            totals[Lasting(container)] = (known + growth, reading.moment)
        }
        totals = totals.filter { $0.value.seen + Self.patience > reading.moment }
    }

    /// Nanoseconds for each second; a counter that went back says nothing.
    private static func rate(from before: UInt64, to now: UInt64, _ window: TimeSpan) -> UInt64 {
        guard now > before else { return 0 }
        return UInt64(Double(now - before) * 1e9 / Double(window.nanoseconds))
    }
}
