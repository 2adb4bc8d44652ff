import ContainerRuntime
import Model
import Testing

@testable import Agent

/// A pod's record with a hand-driven runtime: starts are noted, ends are told, time is an argument.
struct PodHarness {
    var record: PodRecord
    var now = TimeSpan.seconds(1000)
    var containers: [ContainerObservation] = []
    var hasSandbox = false
    var isSupervisorAlive = true
    var performed: [PodAction] = []
    var wakeAt: TimeSpan?

    init(_ build: (inout Pod) -> Void = { _ in }) {
        var pod = Pod()
        pod.metadata.name = "web-1"
        pod.metadata.namespace = "shop"
        pod.metadata.uid = "u1"
        pod.spec.nodeName = "one"
        pod.spec.containers = [Container { ($0.name, $0.image) = ("web", "rootfs:/x") }]
        build(&pod)
        record = PodRecord(pod: pod)
    }

    var observation: SandboxObservation? {
        guard hasSandbox else { return nil }
        let info = SandboxInfo(podUID: "u1", supervisorPID: 7, networkNamespacePath: "/proc/7/ns/net")
        return SandboxObservation(podUID: "u1", info: isSupervisorAlive ? info : nil, containers: containers)
    }

    mutating func decide() -> PodDecision {
        let decision = record.decide(now: now, wall: Timestamp(seconds: 0) + now)
        wakeAt = decision.wakeAt
        return decision
    }

    /// Performs actions as a faultless machine would, until there is none to do.
    mutating func settle(limit: Int = 50) {
        for _ in 0..<limit {
            guard let action = decide().action else { return }
            perform(action)
        }
        Issue.record("the pod does not settle: \(performed.suffix(6))")
    }

    mutating func perform(_ action: PodAction, _ forced: PodActionResult? = nil) {
        performed.append(action)
        var result = PodActionResult.done
        switch action {
        case .resolveImage: result = .image(ImageID("sha256:0"))
        case .prepareVolumes: result = .settings(PodSettings())
        case .attachNetwork: result = .address("10.0.0.2")
        case .createSandbox: if forced == nil { (hasSandbox, isSupervisorAlive) = (true, true) }
        case .startContainer(let name, let attempt):
            if forced == nil {
                containers.append(
                    ContainerObservation(name: name, attempt: attempt, phase: .running(pid: 9), startedAt: 0))
            }
        case .signal(let name, _, let signal):
            if signal == 9 { end(name, exitCode: 137, signal: 9) }
        case .removeContainer(let name, let attempt):
            containers.removeAll { $0.name == name && $0.attempt == attempt }
        case .resetSandbox, .teardown: (hasSandbox, containers) = (false, [])
        case .observe, .release: break
        }
        record.note(action, forced ?? result, observation: observation, now: now)
    }

    mutating func end(_ name: String, exitCode: Int, signal: Int? = nil, outOfMemory: Bool = false) {
        guard let index = containers.lastIndex(where: { $0.name == name }) else { return }
        containers[index].phase = .exited(exitCode: exitCode, signal: signal, outOfMemory: outOfMemory)
        record.note(observation: observation)
    }

    func status(_ name: String) -> ContainerStatus? {
        (record.status.containerStatuses + record.status.initContainerStatuses).first { $0.name == name }
    }

    func condition(_ type: String) -> Condition? { record.status.conditions[type] }
}

@Test func `a pod is prepared in a fixed order and then runs`() {
    var pod = PodHarness()
    pod.settle()
    #expect(
        pod.performed == [
            .observe, .resolveImage(container: "web", reference: "rootfs:/x"), .prepareVolumes, .createSandbox,
            .attachNetwork, .startContainer(name: "web", attempt: 0),
        ])
    #expect(pod.record.status.phase == "Running")
    #expect(pod.record.status.podIP == "10.0.0.2")
    #expect(pod.condition("Ready")?.status == "True")
    #expect(pod.status("web")?.ready == true)
}

@Test(arguments: [(1, 1), (2, 2), (3, 4), (6, 32), (7, 60), (100, 60)])
func `the wait before a restart doubles from one second to a minute`(failures: Int, seconds: Int64) {
    #expect(Backoff.delay(afterFailures: failures) == .seconds(seconds))
}

@Test func `a crashed container waits for its back-off and is restarted in place`() {
    var pod = PodHarness()
    pod.settle()
    for attempt in 1...3 {
        pod.end("web", exitCode: 1)
        pod.settle()
        #expect(pod.status("web")?.state?.waiting?.reason == "CrashLoopBackOff")
        #expect(pod.wakeAt == pod.now + Backoff.delay(afterFailures: attempt))
        pod.now = pod.wakeAt ?? pod.now
        pod.settle()
        #expect(pod.performed.contains(.startContainer(name: "web", attempt: attempt)))
        #expect(pod.status("web")?.restartCount == attempt)
        #expect(pod.status("web")?.lastState?.terminated?.exitCode == 1)
    }
    #expect(pod.containers.map(\.attempt) == [2, 3], "one ended attempt is kept for its log")
}

@Test func `a start that was interrupted is taken up again by the next agent`() {
    var pod = PodHarness()
    pod.hasSandbox = true
    pod.containers = [ContainerObservation(name: "web", attempt: 3, phase: .creating)]
    while let action = pod.decide().action {
        guard action != .startContainer(name: "web", attempt: 3) else { return }
        pod.perform(action)
    }
    Issue.record("the container is not started: \(pod.performed)")
}

@Test func `a start that failed half-way is tried again after a while`() {
    var pod = PodHarness()
    while let action = pod.decide().action {
        guard action == .startContainer(name: "web", attempt: 0) else {
            pod.perform(action)
            continue
        }
        pod.containers = [ContainerObservation(name: "web", attempt: 0, phase: .creating)]
        pod.perform(action, .failure(reason: "CreateContainerError", message: "no room"))
    }
    #expect(pod.wakeAt == pod.now + .seconds(1))
    pod.now = pod.now + .seconds(1)
    #expect(pod.decide().action == .startContainer(name: "web", attempt: 0))
}

@Test func `a stable period resets the back-off`() {
    var pod = PodHarness()
    pod.settle()
    pod.end("web", exitCode: 1)
    pod.settle()
    pod.now = pod.now + .seconds(2)
    pod.settle()
    pod.now = pod.now + Backoff.stablePeriod
    pod.end("web", exitCode: 1)
    pod.settle()
    #expect(pod.wakeAt == pod.now + .seconds(1))
}

@Test func `running out of memory is told apart from a crash`() {
    var pod = PodHarness()
    pod.settle()
    pod.end("web", exitCode: 137, signal: 9, outOfMemory: true)
    pod.settle()
    #expect(pod.status("web")?.lastState?.terminated?.reason == "OOMKilled")
    #expect(pod.status("web")?.state?.waiting?.message?.contains("OOMKilled") == true)
}

@Test func `init containers run one after the other before the others`() {
    var pod = PodHarness { pod in
        pod.spec.initContainers = ["one", "two"].map { name in
            Container { ($0.name, $0.image) = (name, "rootfs:/x") }
        }
    }
    pod.settle()
    #expect(pod.performed.last == .startContainer(name: "one", attempt: 0))
    #expect(pod.record.status.phase == "Pending")
    #expect(pod.condition("Initialized")?.message == "waiting for init containers: one, two")
    pod.end("one", exitCode: 0)
    pod.settle()
    #expect(pod.performed.last == .startContainer(name: "two", attempt: 0))
    pod.end("two", exitCode: 0)
    pod.settle()
    #expect(pod.performed.last == .startContainer(name: "web", attempt: 0))
    #expect(pod.condition("Initialized")?.status == "True")
}

@Test func `a failed init container is tried again and holds back the others`() {
    var pod = PodHarness { $0.spec.initContainers = [Container { ($0.name, $0.image) = ("one", "rootfs:/x") }] }
    pod.settle()
    pod.end("one", exitCode: 3)
    pod.settle()
    pod.now = pod.wakeAt ?? pod.now
    pod.settle()
    #expect(pod.performed.last == .startContainer(name: "one", attempt: 1))
    #expect(!pod.performed.contains(.startContainer(name: "web", attempt: 0)))
}

@Test func `a sidecar starts before the main container and stops after it`() {
    var pod = PodHarness { pod in
        pod.spec.initContainers = [
            Container { ($0.name, $0.image, $0.restartPolicy) = ("proxy", "rootfs:/x", "Always") }
        ]
    }
    pod.settle()
    #expect(
        pod.performed.suffix(2) == [
            .startContainer(name: "proxy", attempt: 0), .startContainer(name: "web", attempt: 0),
        ])
    pod.record.pod.metadata.deletionTimestamp = Timestamp(seconds: 0)
    pod.settle()
    #expect(pod.performed.last == .signal(name: "web", attempt: 0, signal: 15))
    pod.end("web", exitCode: 0)
    pod.settle()
    #expect(pod.performed.last == .signal(name: "proxy", attempt: 0, signal: 15))
    pod.end("proxy", exitCode: 0)
    pod.settle()
    #expect(pod.performed.suffix(2) == [.teardown, .release])
}

@Test func `a sidecar that ends makes its pod unready, but not uninitialized`() {
    var pod = PodHarness { pod in
        pod.spec.initContainers = [
            Container { ($0.name, $0.image, $0.restartPolicy) = ("proxy", "rootfs:/x", "Always") }
        ]
    }
    pod.settle()
    #expect(pod.condition("Ready")?.status == "True")
    pod.end("proxy", exitCode: 1)
    pod.settle()
    #expect(pod.condition("Ready")?.status == "False")
    #expect(pod.condition("Ready")?.message == "containers not ready: proxy")
    #expect(pod.condition("Initialized")?.status == "True")
    pod.now = pod.wakeAt ?? pod.now
    pod.settle()
    #expect(pod.performed.last == .startContainer(name: "proxy", attempt: 1))
    #expect(pod.condition("Ready")?.status == "True")
}

@Test func `a stop signals, waits for the grace period, kills, and takes everything apart`() {
    var pod = PodHarness { $0.spec.terminationGracePeriodSeconds = 5 }
    pod.settle()
    pod.record.pod.metadata.deletionTimestamp = Timestamp(seconds: 0)
    pod.settle()
    #expect(pod.condition("Ready")?.reason == "Terminating")
    #expect(pod.wakeAt == pod.now + .seconds(5))
    pod.now = pod.now + .seconds(5)
    pod.settle()
    #expect(
        pod.performed.suffix(4) == [
            .signal(name: "web", attempt: 0, signal: 15), .signal(name: "web", attempt: 0, signal: 9), .teardown,
            .release,
        ])
    #expect(pod.decide().isFinished)
}

@Test func `one container that cannot be killed does not keep the others alive`() {
    var pod = PodHarness { pod in
        pod.spec.terminationGracePeriodSeconds = 1
        pod.spec.containers.append(Container { ($0.name, $0.image) = ("two", "rootfs:/x") })
    }
    pod.settle()
    pod.record.pod.metadata.deletionTimestamp = Timestamp(seconds: 0)
    pod.settle()
    pod.now = pod.now + .seconds(1)
    var killed: [String] = []
    for _ in 0..<6 {
        guard case .signal(let name, let attempt, 9)? = pod.decide().action else {
            #expect(pod.wakeAt == pod.now + .seconds(1), "between rounds the agent rests")
            pod.now = pod.wakeAt ?? pod.now
            continue
        }
        killed.append(name)
        // The runtime was asked, but the process is in an uninterruptible call.
        pod.record.note(
            .signal(name: name, attempt: attempt, signal: 9), .done, observation: pod.observation, now: pod.now)
    }
    #expect(killed == ["web", "two", "web", "two"])
}

@Test func `a container that was ended by the stop does not count as restarted`() {
    var pod = PodHarness { $0.spec.terminationGracePeriodSeconds = 1 }
    pod.settle()
    pod.record.pod.metadata.deletionTimestamp = Timestamp(seconds: 0)
    pod.settle()
    pod.now = pod.now + .seconds(1)
    pod.settle()
    #expect(pod.performed.last == .release)
    #expect(pod.status("web")?.restartCount == 0)
}

@Test func `a pod whose object is gone is taken apart at once`() {
    var pod = PodHarness()
    pod.settle()
    pod.record.isGone = true
    pod.settle()
    #expect(pod.performed.last == .teardown)
    #expect(pod.decide().isFinished)
}

@Test func `a pod that was never begun is released without a sandbox`() {
    var pod = PodHarness()
    pod.record.pod.metadata.deletionTimestamp = Timestamp(seconds: 0)
    pod.settle()
    #expect(pod.performed == [.observe, .teardown, .release])
}

@Test func `a lost supervisor has the pod made anew with higher attempts`() {
    var pod = PodHarness()
    pod.settle()
    pod.isSupervisorAlive = false
    pod.end("web", exitCode: 137, signal: 9)
    pod.settle()
    #expect(pod.performed.contains(.resetSandbox))
    pod.now = pod.now + .seconds(60)
    pod.settle()
    #expect(pod.performed.last == .startContainer(name: "web", attempt: 1))
    #expect(pod.condition("Ready")?.status == "True")
}

@Test func `a failed preparation says why and is tried again with back-off`() {
    var pod = PodHarness()
    pod.perform(pod.decide().action ?? .observe)
    for failures in 1...3 {
        let action = pod.decide().action
        #expect(action == .resolveImage(container: "web", reference: "rootfs:/x"))
        pod.perform(action ?? .observe, .failure(reason: "ImageUnavailable", message: "no such directory"))
        let decision = pod.decide()
        #expect(decision.action == nil)
        #expect(pod.status("web")?.state?.waiting?.reason == "ImageUnavailable")
        #expect(pod.status("web")?.state?.waiting?.message == "no such directory")
        #expect(pod.record.status.reason == "ImageUnavailable")
        #expect(decision.wakeAt == pod.now + Backoff.delay(afterFailures: failures))
        pod.now = decision.wakeAt ?? pod.now
    }
}

@Test func `a start that fails is tried again with back-off and says why`() {
    var pod = PodHarness()
    for _ in 0..<5 { pod.perform(pod.decide().action ?? .observe) }
    let action = pod.decide().action
    #expect(action == .startContainer(name: "web", attempt: 0))
    pod.perform(action ?? .observe, .failure(reason: "CreateContainerError", message: "executable \"/x\" not found"))
    #expect(pod.decide().action == nil)
    #expect(pod.status("web")?.state?.waiting?.message == "executable \"/x\" not found")
    pod.now = pod.now + .seconds(1)
    #expect(pod.decide().action == .startContainer(name: "web", attempt: 0))
}

@Test func `a restarted agent adopts what runs and starts nothing again`() {
    var first = PodHarness()
    first.settle()
    var second = PodHarness()
    (second.containers, second.hasSandbox) = (first.containers, true)
    second.settle()
    #expect(!second.performed.contains { if case .startContainer = $0 { true } else { false } })
    #expect(second.condition("Ready")?.status == "True")
}

@Test(arguments: [("Never", 0, "Succeeded"), ("Never", 1, "Failed"), ("OnFailure", 0, "Succeeded")])
func `a pod that is not restarted ends in a phase`(policy: String, exitCode: Int, phase: String) {
    var pod = PodHarness { $0.spec.restartPolicy = policy }
    pod.settle()
    pod.end("web", exitCode: exitCode)
    pod.settle()
    #expect(pod.record.status.phase == phase)
    #expect(pod.status("web")?.state?.terminated?.exitCode == exitCode)
}

@Test func `deciding twice without a change gives the same status and no action`() {
    var pod = PodHarness()
    pod.settle()
    let before = pod.record.status
    pod.now = pod.now + .seconds(10)
    #expect(pod.decide().action == nil)
    #expect(pod.record.status == before)
}
