import ContainerRuntime
import Glibc
import Linux
public import Model
import Synchronization
import Threads
public import Wire

extension Agent {
    /// How often counters are read.
    static let usagePeriod = TimeSpan.seconds(5)

    /// What the node and its containers used over the last seconds; nil shortly after the start.
    public func usage() -> NodeUsage? { meter.withLock { $0.usage } }

    /// What happened to the requests that the node carried in the last seconds; empty where nothing carries any.
    public func traffic(seconds: Int) -> [TrafficKey: TrafficSummary] {
        parts.traffic?.traffic(seconds: seconds) ?? [:]
    }

    /// The same since the node began to count.
    public func trafficTotals() -> [TrafficKey: TrafficTotal] { parts.traffic?.trafficTotals() ?? [:] }

    /// Reads counters until the agent stops.
    func measureUsage() {
        repeat {
            let reading = readUsage()
            meter.withLock { $0.note(reading) }
        } while wake.receiveAll(waiting: Self.usagePeriod) != nil
    }

    private func readUsage() -> UsageReading {
        var containers: [UsageReading.Container: ContainerUsage] = [:]
        for container in running.withLock({ $0 }) {
            // One that has just ended has no cgroup any more.
            containers[container] = try? parts.runtime.usage(
                podUID: container.podUID, name: container.name, attempt: container.attempt)
        }
        let room = MachineRoom()
        return UsageReading(
            moment: MachineClock.monotonic, time: MachineClock.wall, cpuNanoseconds: ProcessorTime().nanoseconds,
            memoryBytes: UInt64(max(0, room.memory - room.availableMemory)), containers: containers)
    }
}
