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
    private var last: UsageReading?
    /// What was used between the last two readings; nil before there are two.
    private(set) var usage: NodeUsage?

    /// Takes a reading. A container of which there was none before is left out: it has run for a part of the time only.
    mutating func note(_ reading: UsageReading) {
        defer { last = reading }
        guard let last, reading.moment > last.moment else { return }
        let window = reading.moment - last.moment
        var pods: [String: [String: NodeUsage.Amount]] = [:]
        for (container, now) in reading.containers {
            guard let before = last.containers[container] else { continue }
            pods[container.podUID, default: [:]][container.name] = NodeUsage.Amount(
                cpuNanocores: Self.rate(from: before.cpuNanoseconds, to: now.cpuNanoseconds, window),
                memoryBytes: now.memoryBytes)
        }
        let node = NodeUsage.Amount(
            cpuNanocores: Self.rate(from: last.cpuNanoseconds, to: reading.cpuNanoseconds, window),
            memoryBytes: reading.memoryBytes)
        usage = NodeUsage(time: reading.time, window: window, node: node, pods: pods)
    }

    /// Nanoseconds for each second; a counter that went back says nothing.
    private static func rate(from before: UInt64, to now: UInt64, _ window: TimeSpan) -> UInt64 {
        guard now > before else { return 0 }
        return UInt64(Double(now - before) * 1e9 / Double(window.nanoseconds))
    }
}
