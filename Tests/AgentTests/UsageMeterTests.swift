import ContainerRuntime
import Model
import Testing
import Wire

@testable import Agent
@testable import Linux

struct UsageMeterTests {
    private typealias Container = UsageReading.Container

    private func reading(
        _ seconds: Int64, cpu: UInt64, _ containers: [(Container, cpu: UInt64, memory: UInt64)]
    ) -> UsageReading {
        UsageReading(
            moment: .seconds(seconds), time: Timestamp(seconds: 1000 + seconds), cpuNanoseconds: cpu,
            memoryBytes: 1 << 30,
            containers: Dictionary(
                uniqueKeysWithValues: containers.map {
                    ($0.0, ContainerUsage(cpuNanoseconds: $0.cpu, memoryBytes: $0.memory, pids: 1))
                }))
    }

    private let web = Container(podUID: "u", name: "web", attempt: 0)
    private let again = Container(podUID: "u", name: "web", attempt: 1)

    @Test func `two readings make an average over the time between them`() throws {
        var meter = UsageMeter()
        meter.note(reading(10, cpu: 50_000_000_000, [(web, 1_000_000_000, 4096)]))
        #expect(meter.usage == nil)
        meter.note(reading(14, cpu: 54_000_000_000, [(web, 3_000_000_000, 8192)]))
        let usage = try #require(meter.usage)
        #expect(usage.window == .seconds(4) && usage.time == Timestamp(seconds: 1014))
        #expect(usage.node == .init(cpuNanocores: 1_000_000_000, memoryBytes: 1 << 30, cpuNanoseconds: 54_000_000_000))
        let amount = NodeUsage.Amount(
            cpuNanocores: 500_000_000, memoryBytes: 8192, cpuNanoseconds: 3_000_000_000)
        #expect(usage.pods == ["u": ["web": amount]])
    }

    @Test func `the processor time of a container never goes back, also over its restarts`() {
        var meter = UsageMeter()
        let readings: [(second: Int64, container: Container?, cpu: UInt64, total: UInt64?)] = [
            (0, web, 100, nil), (5, web, 130, 130), (10, nil, 0, nil), (300, again, 20, nil), (305, again, 25, 155),
            // Nobody restarts what has not run for so long: it is forgotten.
            (2000, nil, 0, nil), (2005, again, 1, nil), (2010, again, 2, 2),
        ]
        for (second, container, cpu, total) in readings {
            meter.note(reading(second, cpu: 0, container.map { [($0, cpu, UInt64(1))] } ?? []))
            #expect(meter.usage?.pods["u"]?["web"]?.cpuNanoseconds == total, "second \(second)")
        }
    }

    @Test func `a container that began between two readings comes with the next, and one that ended goes`() {
        var meter = UsageMeter()
        meter.note(reading(0, cpu: 0, [(web, 5, 1)]))
        meter.note(reading(1, cpu: 0, [(again, 1, 1)]))
        #expect(meter.usage?.pods == [:])
        meter.note(reading(2, cpu: 0, [(again, 2, 1)]))
        #expect(meter.usage?.pods["u"]?["web"]?.cpuNanocores == 1)
    }

    @Test func `a counter that went back and a clock that stood still make no numbers up`() {
        var meter = UsageMeter()
        meter.note(reading(1, cpu: 9, [(web, 9, 1)]))
        meter.note(reading(1, cpu: 10, [(web, 10, 1)]))
        #expect(meter.usage == nil)
        meter.note(reading(2, cpu: 5, [(web, 3, 1)]))
        #expect(meter.usage?.node.cpuNanocores == 0)
        #expect(meter.usage?.pods["u"]?["web"]?.cpuNanocores == 0)
    }

    @Test func `the machine's processor time leaves out idling and waiting`() {
        let text = "cpu  100 20 30 4000 500 6 7 8 90 10\ncpu0 1 2 3 4\n"
        #expect(ProcessorTime(text, ticksPerSecond: 100).nanoseconds == 171 * 10_000_000)
        #expect(ProcessorTime("", ticksPerSecond: 100).nanoseconds == 0)
        #expect(ProcessorTime().nanoseconds > 0)
    }
}
