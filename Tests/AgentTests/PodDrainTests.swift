import ContainerRuntime
import Model
import Testing

@testable import Agent

/// Pods that requests come to are signalled when their last request is answered.
struct PodDrainTests {
    private func stopping(_ build: (inout Pod) -> Void = { _ in }) -> PodHarness {
        var pod = PodHarness { pod in
            pod.metadata.labels = ["martlet.dev/app": "web"]
            pod.spec.containers[0].ports = [ContainerPort { $0.containerPort = 8080 }]
            pod.spec.drain = .seconds(7)
            pod.spec.terminationGracePeriodSeconds = 5
            build(&pod)
        }
        pod.settle()
        pod.record.pod.metadata.deletionTimestamp = Timestamp(seconds: 0)
        return pod
    }

    private func signals(_ pod: PodHarness) -> [PodAction] {
        pod.performed.filter { if case .signal = $0 { true } else { false } }
    }

    private let signal = PodAction.signal(name: "web", attempt: 0, signal: 15)

    @Test func `requests are sent elsewhere once, and nothing is signalled while any is in flight`() {
        var pod = stopping()
        #expect(pod.decide().startsDrain)
        #expect(!pod.decide().startsDrain)
        pod.settle()
        #expect(signals(pod).isEmpty)
        #expect(pod.condition("Ready")?.reason == "Terminating")
        #expect(pod.wakeAt == pod.now + .seconds(7))
        pod.record.noteDrained()
        pod.settle()
        #expect(signals(pod) == [signal])
        #expect(pod.wakeAt == pod.now + .seconds(5), "the grace period begins with the signal")
    }

    @Test func `WebSockets may go on for the time that their App gives them`() {
        var pod = stopping()
        pod.settle()
        pod.record.noteDraining(atMost: .minutes(1))
        pod.settle()
        #expect(pod.wakeAt == pod.now + .minutes(1))
        pod.now = pod.now + .minutes(1)
        pod.settle()
        #expect(signals(pod) == [signal])
    }

    @Test func `what takes longer than it may is not waited for`() {
        var pod = stopping()
        pod.settle()
        pod.now = pod.now + .seconds(7)
        pod.settle()
        #expect(signals(pod) == [signal])
    }

    @Test(arguments: ["no port", "no App", "at once", "no time"])
    func `there is nothing to wait for`(why: String) {
        var pod = stopping { pod in
            if why == "no port" { pod.spec.containers[0].ports = [] }
            if why == "no App" { pod.metadata.labels = [:] }
            if why == "no time" { pod.spec.drain = .zero }
        }
        if why == "at once" { pod.record.pod.metadata.deletionGracePeriodSeconds = 0 }
        pod.settle()
        #expect(signals(pod).first == signal)
    }

    @Test func `word that comes late or twice changes nothing`() {
        var pod = stopping()
        pod.record.noteDrained()
        #expect(pod.record.stop == nil)
        pod.settle()
        pod.now = pod.now + .seconds(7)
        pod.settle()
        let performed = pod.performed
        pod.record.noteDrained()
        pod.record.noteDrained()
        pod.settle()
        #expect(pod.performed == performed)
    }
}
