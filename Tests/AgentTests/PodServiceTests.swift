import ContainerRuntime
import Model
import Testing

@testable import Agent

/// Pods of Apps with ports are called ready once requests reach them.
struct PodServiceTests {
    private func serving(_ build: (inout Pod) -> Void = { _ in }) -> PodHarness {
        var pod = PodHarness { pod in
            pod.metadata.labels = ["martlet.dev/app": "web"]
            pod.spec.containers[0].ports = [ContainerPort { $0.containerPort = 8080 }]
            build(&pod)
        }
        pod.settle()
        return pod
    }

    @Test func `a pod is ready when requests reach it`() {
        var pod = serving()
        #expect(pod.condition("ContainersReady")?.status == "True")
        #expect(pod.condition("Ready")?.reason == "NotReached")
        #expect(pod.wakeAt == pod.now + .seconds(2))
        pod.record.noteServed()
        #expect(pod.decide().serves == nil)
        #expect(pod.condition("Ready")?.status == "True")
    }

    @Test func `requests are asked for once, and sent away when a check fails`() {
        var pod = PodHarness { pod in
            pod.metadata.labels = ["martlet.dev/app": "web"]
            pod.spec.containers[0].ports = [ContainerPort { $0.containerPort = 8080 }]
            pod.spec.containers[0].readinessProbe = Probe {
                $0.tcpSocket = TCPCheck { $0.port = .number(80) }
                $0.periodMilliseconds = 1000
                $0.failureThreshold = 1
            }
        }
        pod.settle()
        #expect(pod.decide().serves == nil, "it is not ready")
        #expect(pod.answer(nil) == [.readiness])
        #expect([pod.decide().serves, pod.decide().serves] == [true, nil])
        pod.record.noteServed()
        pod.now = pod.now + .seconds(1)
        #expect(pod.answer("HTTP status 500") == [.readiness])
        #expect([pod.decide().serves, pod.decide().serves] == [false, nil])
        #expect(pod.condition("Ready")?.reason == "ContainersNotReady")
    }

    @Test func `a load balancer that takes too long does not hold a pod back`() {
        var pod = serving()
        pod.now = pod.now + .seconds(2)
        _ = pod.decide()
        #expect(pod.condition("Ready")?.status == "True")
    }

    @Test func `what was ready before the agent started stays so`() {
        var pod = serving { pod in
            pod.status = PodStatus {
                $0.conditions = [Condition("Ready", true, reason: "ContainersReady", message: "")]
            }
        }
        #expect(pod.condition("Ready")?.status == "True")
        #expect(pod.decide().serves == nil)
    }

    @Test(arguments: ["no port", "no App"])
    func `nobody waits for requests that never come`(why: String) {
        var pod = serving { pod in
            if why == "no port" { pod.spec.containers[0].ports = [] } else { pod.metadata.labels = [:] }
        }
        #expect(pod.condition("Ready")?.status == "True")
        #expect(pod.decide().serves == nil)
    }

    @Test func `a pod that stops is drained, and nothing else is asked for it`() {
        var pod = serving()
        pod.record.pod.metadata.deletionTimestamp = Timestamp(seconds: 0)
        let decision = pod.decide()
        #expect(decision.startsDrain && decision.serves == nil)
    }
}
