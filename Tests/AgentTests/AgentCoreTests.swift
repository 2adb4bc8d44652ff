import ContainerRuntime
import Model
import Testing

@testable import Agent

private struct Machine: AgentMachine {
    func podsWithRemains() -> Set<String> { [] }
    func sweepNetwork(livePodUIDs: Set<String>) throws {}
}

/// A core whose machine runs the pod's container already.
private struct CoreHarness {
    var core = AgentCore(hostAddress: "10.0.0.1") { _ in }
    var now = TimeSpan.seconds(1)

    static func pod(phase: String, restarts: Int = 0) -> Pod {
        Pod {
            ($0.metadata.name, $0.metadata.namespace, $0.metadata.uid) = ("web-1", "shop", "u1")
            $0.spec.nodeName = "one"
            $0.spec.containers = [Container { ($0.name, $0.image) = ("web", "rootfs:/x") }]
            $0.status = PodStatus {
                $0.phase = phase
                $0.containerStatuses = [ContainerStatus { ($0.name, $0.restartCount) = ("web", restarts) }]
            }
        }
    }

    /// Decides, and returns the statuses that are reported.
    mutating func decide() -> [PodStatus] {
        core.decide(for: ["u1"], now: now, wall: Timestamp(seconds: 5)).compactMap {
            if case .report(let status, _) = $0 { status } else { nil }
        }
    }

    mutating func tell(_ message: AgentMessage) { _ = core.handle(message, now: now, machine: Machine()) }
}

@Suite("Agent core", .timeLimit(.minutes(10)))
struct AgentCoreTests {
    @Test("nothing is reported of a pod that is known from its copy only, and what the server has is not taken back")
    func copy() {
        var harness = CoreHarness()
        _ = harness.core.adopt([CoreHarness.pod(phase: "Pending")])
        #expect(harness.decide().isEmpty, "the runtime was not asked")
        harness.tell(.performed(uid: "u1", .observe, .done, nil))
        #expect(harness.decide().isEmpty, "the server was not asked")
        harness.tell(.performed(uid: "u1", .observe, .done, nil))
        harness.tell(.pods(.all([CoreHarness.pod(phase: "Running", restarts: 3)])))
        let reports = harness.decide()
        #expect(reports.map(\.phase) == ["Running"])
        #expect(reports.first?.containerStatuses.map(\.restartCount) == [3])
        #expect(reports.first?.hostIP == "10.0.0.1")
    }

    @Test("restarts that the server knows of are not taken back when their attempts are forgotten here")
    func restarts() {
        var harness = CoreHarness()
        _ = harness.core.adopt([CoreHarness.pod(phase: "Pending")])
        _ = harness.decide()
        let info = SandboxInfo(podUID: "u1", supervisorPID: 7, networkNamespacePath: "/proc/7/ns/net")
        let running = ContainerObservation(name: "web", attempt: 0, phase: .running(pid: 9), startedAt: 0)
        let sandbox = SandboxObservation(podUID: "u1", info: info, containers: [running])
        harness.tell(.performed(uid: "u1", .observe, .done, sandbox))
        harness.tell(.pods(.all([CoreHarness.pod(phase: "Running", restarts: 6)])))
        _ = harness.decide()
        harness.tell(.performed(uid: "u1", .resolveImage(container: "web", reference: "rootfs:/x"), .done, sandbox))
        var stored = CoreHarness.pod(phase: "Running", restarts: 6)
        stored.status?.podIP = "10.0.0.2"
        harness.tell(.pods(.changed(stored)))
        #expect(harness.decide().allSatisfy { $0.containerStatuses.map(\.restartCount) == [6] })
    }

    @Test("a status that somebody wrote over is reported again, and one that was merely late is not")
    func foreign() throws {
        var harness = CoreHarness()
        harness.tell(.pods(.all([CoreHarness.pod(phase: "Pending")])))
        _ = harness.decide()
        harness.tell(.performed(uid: "u1", .observe, .done, nil))
        let status = try #require(harness.decide().first)
        harness.tell(.performed(uid: "u1", .observe, .done, nil))
        var stored = CoreHarness.pod(phase: "Pending")
        stored.status = status
        harness.tell(.pods(.changed(stored)))
        #expect(harness.decide().isEmpty, "the server has what was reported")
        harness.tell(.performed(uid: "u1", .observe, .done, nil))
        stored.status?.podIP = "192.0.2.1"
        harness.tell(.pods(.changed(stored)))
        #expect(harness.decide() == [status])
    }
}
