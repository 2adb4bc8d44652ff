import ContainerRuntime
import Linux
import Model
import Testing

@testable import Agent

/// What is wrong with a pod on the machine, and how its status and its events say so.
struct PodTroubleTests {
    private func running(_ build: (inout Pod) -> Void = { _ in }) -> PodHarness {
        var pod = PodHarness(build)
        pod.settle()
        return pod
    }

    @Test func `a process that outlives its kill is named, with the moment, until it ends`() throws {
        var pod = running()
        pod.record.pod.metadata.deletionTimestamp = Timestamp(seconds: 0)
        pod.record.pod.metadata.deletionGracePeriodSeconds = 2
        pod.settle()
        pod.now = pod.now + .seconds(2)
        let killed = pod.now
        let kill = try #require(pod.decide().action)
        #expect(kill == .signal(name: "web", attempt: 0, signal: 9))
        pod.record.note(kill, .done, observation: pod.observation, now: pod.now)
        _ = pod.decide()
        #expect(pod.record.status.reason == nil)
        pod.now = killed + .seconds(5)
        _ = pod.decide()
        #expect(pod.record.status.reason == "Unkillable")
        let message = try #require(pod.record.status.message)
        #expect(message.contains("process 9 was killed at \(Timestamp(seconds: killed.wholeSeconds))"))
        #expect(pod.record.events.filter { $0.reason == "Unkillable" }.count == 1)
        pod.now = pod.now + .seconds(60)
        _ = pod.decide()
        #expect(pod.record.status.message == message, "the status of a pod that stays as it is stays as it is")
        pod.end("web", exitCode: 137, signal: 9)
        pod.settle()
        #expect(pod.record.isReleased)
    }

    @Test func `a container whose process was stopped is said to be, until it goes on`() {
        var pod = running()
        pod.containers[0].isStopped = true
        pod.record.note(observation: pod.observation)
        for _ in 0..<2 { _ = pod.decide() }
        #expect(pod.record.status.reason == "Stopped")
        #expect(pod.record.status.message?.contains("container web: process 9 was stopped by a signal") == true)
        #expect(pod.record.status.message?.contains("kill -CONT 9") == true)
        #expect(pod.record.events.filter { $0.reason == "Stopped" }.count == 1)
        pod.containers[0].isStopped = false
        pod.record.note(observation: pod.observation)
        _ = pod.decide()
        #expect(pod.record.status.reason == nil)
    }

    @Test func `a container at its process limit is said to be, with its zombies, until it is not`() {
        var pod = running()
        var pressure = CgroupPressure()
        (pressure.refusedProcesses, pressure.processLimit, pressure.processes, pressure.zombies) = (3, 64, 64, 60)
        pod.containers[0].pressure = pressure
        pod.record.note(observation: pod.observation)
        _ = pod.decide()
        #expect(pod.condition("LimitReached")?.status == "True")
        #expect(
            pod.condition("LimitReached")?.message
                == "container web: its limit of 64 processes is reached; 60 of them have ended and are not reaped by the "
                + "container's first process")
        _ = pod.decide()
        #expect(pod.record.events.filter { $0.reason == "ProcessLimitReached" }.count == 1)
        pressure.processes = 4
        pod.containers[0].pressure = pressure
        pod.record.note(observation: pod.observation)
        _ = pod.decide()
        #expect(pod.condition("LimitReached")?.status == "False")
    }

    @Test func `a pod that never was at a limit has no condition for it`() {
        #expect(running().condition("LimitReached") == nil)
    }

    @Test func `a child that is killed for want of memory is told of while its container goes on`() throws {
        var pod = running { pod in
            pod.spec.containers[0].resources = ResourceRequirements { $0.limits = ["memory": .bytes(16 << 20)] }
        }
        var pressure = CgroupPressure()
        (pressure.memoryKills, pressure.memoryPeakBytes) = (1, 16 << 20)
        pod.containers[0].pressure = pressure
        pod.record.note(observation: pod.observation)
        _ = pod.decide()
        _ = pod.decide()
        let events = pod.record.events.filter { $0.reason == "ProcessOOMKilled" }
        #expect(events.count == 1)
        #expect(
            events.first?.message.contains("it exceeded the memory limit of 16Mi (at most 16Mi were in use)") == true)
        pressure.memoryKills = 2
        pod.containers[0].pressure = pressure
        pod.end("web", exitCode: 137, signal: 9, outOfMemory: true)
        pod.containers[0].pressure = pressure
        pod.record.note(observation: pod.observation)
        _ = pod.decide()
        let end = try #require(pod.record.containers["web"]?.lastTermination)
        #expect(end.reason == "OOMKilled")
        #expect(end.message?.contains("memory limit of 16Mi") == true)
    }

    @Test func `a silent supervisor is named, asked again, and forgotten once it answers`() {
        var pod = running()
        let silence = PodActionResult.failure(reason: PodRecord.supervisorSilent, message: "supervisor 7 is silent")
        pod.record.note(.observe, silence, observation: nil, now: pod.now)
        #expect(pod.decide().action == nil)
        #expect(pod.record.status.reason == PodRecord.supervisorSilent)
        #expect(pod.record.isRunning("web"), "what was known is not forgotten")
        pod.now = pod.now + .seconds(1)
        #expect(pod.decide().action == .observe)
        pod.record.note(.observe, silence, observation: nil, now: pod.now)
        pod.now = pod.now + .seconds(2)
        #expect(pod.decide().action == .observe)
        pod.record.note(.observe, .done, observation: pod.observation, now: pod.now)
        _ = pod.decide()
        #expect(pod.record.status.reason == nil)
        #expect(
            pod.record.events.map(\.reason).filter { $0.hasPrefix("Supervisor") }
                == [PodRecord.supervisorSilent, "SupervisorResponds"])
    }

    @Test func `a pod whose supervisor is silent is taken apart once its grace period is over`() {
        var pod = running()
        pod.record.pod.metadata.deletionTimestamp = Timestamp(seconds: 0)
        pod.record.pod.metadata.deletionGracePeriodSeconds = 3
        let silence = PodActionResult.failure(reason: PodRecord.supervisorSilent, message: "silent")
        pod.record.note(.observe, silence, observation: nil, now: pod.now)
        #expect(pod.decide().action == nil)
        pod.now = pod.now + .seconds(3)
        #expect(pod.decide().action == .teardown)
        pod.perform(.teardown)
        pod.settle()
        #expect(pod.record.isReleased)
    }

    @Test func `a running pod is looked at now and then, a stopping one is not`() {
        var pod = running()
        #expect(pod.wakeAt == pod.now + PodRecord.lookPeriod)
        pod.now = pod.now + PodRecord.lookPeriod
        #expect(pod.decide().action == .observe)
        pod.perform(.observe)
        #expect(pod.decide().action == nil)
        #expect(pod.wakeAt == pod.now + PodRecord.lookPeriod)
    }
}

/// Of what a node is said to be short.
struct NodePressureTests {
    private func conditions(_ change: (inout NodePressure) -> Void) -> [String: String] {
        var pressure = NodePressure(
            path: "/data",
            room: FileSystemRoom(freeBytes: 50 << 30, bytes: 100 << 30, freeFiles: 90_000, files: 100_000),
            machine: MachineRoom { _ in "" }, descriptors: 10, descriptorLimit: 100)
        pressure.machine.memory = 64 << 30
        pressure.machine.availableMemory = 1 << 30
        (pressure.machine.processes, pressure.machine.processLimit) = (100, 1000)
        (pressure.machine.openFiles, pressure.machine.openFileLimit) = (100, 1000)
        change(&pressure)
        let pairs = pressure.conditions.filter { $0.status == "True" }.map {
            ($0.type, "\($0.reason ?? ""): \($0.message ?? "")")
        }
        return Dictionary(uniqueKeysWithValues: pairs)
    }

    @Test func `there is pressure where little is left, and it says of what and how much`() {
        #expect(conditions { _ in }.isEmpty)
        let full = conditions { $0.room?.freeBytes = 1000 }
        #expect(full == ["DiskPressure": "DiskFull: /data has 1000 bytes and 90000 inodes free"])
        let large = conditions { $0.room?.freeBytes = 600 << 20 }
        #expect(large.isEmpty, "a large disk is not full with 512 MiB")
        let small = conditions {
            $0.room = FileSystemRoom(freeBytes: 4 << 20, bytes: 100 << 20, freeFiles: 9, files: 10)
        }
        #expect(small.keys.sorted() == ["DiskPressure"])
        let few = conditions { $0.room?.freeFiles = 3 }
        #expect(few["DiskPressure"]?.hasPrefix("InodesUsedUp: /data has") == true)
        let unlimited = conditions { $0.room?.files = 0 }
        #expect(unlimited.isEmpty, "without a limit of inodes none are missing")
        let busy = conditions { $0.machine.processes = 990 }
        #expect(busy == ["PIDPressure": "ProcessesUsedUp: 990 of 1000 processes and threads are in use"])
        let short = conditions { $0.machine.availableMemory = 200 << 20 }
        #expect(short["MemoryPressure"]?.hasPrefix("MemoryUsedUp: programs can be given 200 of 65536 MiB") == true)
        let little = conditions { ($0.machine.memory, $0.machine.availableMemory) = (4 << 30, 150 << 20) }
        #expect(little.isEmpty, "a fortieth of a small machine is enough")
        let unknown = conditions { $0.machine = MachineRoom { _ in "" } }
        #expect(unknown.isEmpty, "what is not known is no pressure")
        let all = conditions { $0.machine.openFiles = 960 }
        #expect(all["DescriptorPressure"]?.hasPrefix("OpenFilesUsedUp: 960 of at most 1000") == true)
        let open = conditions { $0.descriptors = 90 }
        #expect(open.keys.sorted() == ["DescriptorPressure"])
    }
}
