import Model
import Testing

@testable import Agent

private func probe(threshold: Int = 3, delay: Int64 = 0) -> Probe {
    Probe {
        $0.tcpSocket = TCPCheck { $0.port = .number(80) }
        $0.periodMilliseconds = 1000
        $0.initialDelayMilliseconds = delay
        $0.failureThreshold = threshold
    }
}

private func running(_ build: (inout Container) -> Void) -> PodHarness {
    var container = Container()
    (container.name, container.image) = ("web", "rootfs:/x")
    build(&container)
    var pod = PodHarness { $0.spec.containers = [container] }
    pod.settle()
    return pod
}

extension PodHarness {
    /// Answers every check that is due, and returns which kinds were asked.
    mutating func answer(_ failure: String?) -> [ProbeKind] {
        _ = decide()
        let probes = record.containers["web"]?.probes ?? [:]
        let kinds = ProbeKind.allCases.filter { probes[$0]?.isInFlight == true }
        for kind in kinds {
            let attempt = record.containers["web"]?.probedAttempt ?? 0
            let key = ProbeKey(podUID: "u1", container: "web", attempt: attempt, kind: kind)
            record.noteProbe(key, failure: failure, now: now)
        }
        return kinds
    }
}

@Test func `a container with a readiness probe is ready only once it succeeded`() {
    var pod = running { $0.readinessProbe = probe() }
    #expect(pod.condition("Ready")?.status == "False")
    #expect(pod.answer(nil) == [.readiness])
    _ = pod.decide()
    #expect(pod.condition("Ready")?.status == "True")
}

/// What a restarted agent knows of a pod: the object with the status that the agent before it reported, and what still runs.
private func restarted(_ pod: PodHarness, _ change: (inout PodStatus) -> Void = { _ in }) -> PodHarness {
    var next = pod
    var stored = pod.record.pod
    var status = pod.record.status
    change(&status)
    stored.status = status
    next.record = PodRecord(pod: stored)
    next.settle()
    return next
}

@Test func `a ready container is ready for the next agent too, until a check fails often enough`() {
    var pod = running {
        $0.startupProbe = probe()
        $0.readinessProbe = probe(threshold: 2)
    }
    #expect(pod.answer(nil) == [.startup])
    #expect(pod.answer(nil) == [.readiness])
    _ = pod.decide()
    var next = restarted(pod)
    #expect(next.condition("Ready")?.status == "True")
    for expected in ["True", "False"] {
        #expect(next.answer("HTTP status 500") == [.readiness], "its start is over")
        _ = next.decide()
        #expect(next.condition("Ready")?.status == expected)
        next.now = next.now + .seconds(1)
    }
}

@Test func `a container that another attempt was ready of, or that was not ready, is asked first`() {
    var pod = running { $0.readinessProbe = probe() }
    #expect(restarted(pod).condition("Ready")?.status == "False")
    #expect(pod.answer(nil) == [.readiness])
    _ = pod.decide()
    let other = restarted(pod) { $0.containerStatuses[0].containerID = "martlet://u1/web/7" }
    #expect(other.condition("Ready")?.status == "False")
}

@Test func `a ready container stays ready until the failures reach the threshold`() {
    var pod = running { $0.readinessProbe = probe(threshold: 2) }
    _ = pod.answer(nil)
    for expected in ["True", "False"] {
        pod.now = pod.now + .seconds(1)
        _ = pod.answer("HTTP status 500")
        _ = pod.decide()
        #expect(pod.condition("Ready")?.status == expected)
    }
    #expect(pod.condition("Ready")?.message?.contains("HTTP status 500") == true)
}

@Test func `a container that is starting is asked soon again, then once a period, and only then do failures count`() {
    var pod = running { $0.readinessProbe = probe(threshold: 1) }
    for wait in [50, 100, 200, 400, 800, 1000, 1000] as [Int64] {
        #expect(pod.answer("connection refused") == [.readiness])
        #expect(pod.answer(nil) == [], "it is not asked before its time")
        pod.now = pod.now + .milliseconds(wait)
    }
    #expect(pod.record.containers["web"]?.probes[.readiness]?.failures == 2)
    _ = pod.decide()
    #expect(pod.condition("Ready")?.message?.contains("connection refused") == true)
    #expect(pod.answer(nil) == [.readiness])
    _ = pod.decide()
    #expect(pod.condition("Ready")?.status == "True")
}

@Test func `a container that was ready once is asked once a period`() {
    var pod = running { $0.readinessProbe = probe() }
    #expect(pod.answer(nil) == [.readiness])
    pod.now = pod.now + .seconds(1)
    #expect(pod.answer("HTTP status 500") == [.readiness])
    pod.now = pod.now + .milliseconds(900)
    #expect(pod.answer(nil) == [])
    pod.now = pod.now + .milliseconds(100)
    #expect(pod.answer(nil) == [.readiness])
}

@Test func `a failed liveness probe signals, then kills, then restarts`() {
    var pod = running { $0.livenessProbe = probe(threshold: 2) }
    for _ in 0..<2 {
        _ = pod.answer("no answer")
        pod.now = pod.now + .seconds(1)
    }
    pod.settle()
    #expect(pod.performed.last == .signal(name: "web", attempt: 0, signal: 15))
    pod.now = pod.now + .seconds(30)
    pod.settle()
    #expect(pod.performed.contains(.signal(name: "web", attempt: 0, signal: 9)))
    #expect(pod.status("web")?.lastState?.terminated?.reason == "LivenessFailed")
    pod.now = pod.now + .seconds(1)
    pod.settle()
    #expect(pod.performed.last == .startContainer(name: "web", attempt: 1))
}

@Test func `until the startup probe succeeds the others do not run`() {
    var pod = running {
        $0.startupProbe = probe()
        $0.readinessProbe = probe()
        $0.livenessProbe = probe()
    }
    #expect(pod.answer("not yet") == [.startup])
    pod.now = pod.now + .seconds(1)
    #expect(pod.answer(nil) == [.startup])
    #expect(Set(pod.answer(nil)) == [.readiness, .liveness])
    _ = pod.decide()
    #expect(pod.condition("Ready")?.status == "True")
}

@Test func `a startup probe that fails for good restarts the container`() {
    var pod = running { $0.startupProbe = probe(threshold: 1) }
    _ = pod.answer("connection refused")
    pod.settle()
    #expect(pod.performed.last == .signal(name: "web", attempt: 0, signal: 15))
}

@Test func `a check's result for an attempt that has ended changes nothing`() {
    var pod = running { $0.livenessProbe = probe(threshold: 1) }
    pod.end("web", exitCode: 1)
    pod.settle()
    pod.now = pod.now + .seconds(1)
    pod.settle()
    let key = ProbeKey(podUID: "u1", container: "web", attempt: 0, kind: .liveness)
    pod.record.noteProbe(key, failure: "late", now: pod.now)
    pod.settle()
    #expect(pod.record.containers["web"]?.ending == nil)
}

@Test func `the first check waits for the initial delay`() {
    var pod = running { $0.readinessProbe = probe(delay: 5000) }
    #expect(pod.decide().probes.isEmpty)
    #expect(pod.wakeAt == pod.now + .seconds(5))
    pod.now = pod.now + .seconds(5)
    #expect(pod.decide().probes.count == 1)
    #expect(pod.decide().probes.isEmpty, "a check that is under way is not made again")
}

@Test(arguments: [
    ("HTTP/1.1 200 OK\r\n\r\n", ProbeVerdict.success), ("HTTP/1.0 302 Found\r\n", .success),
    ("HTTP/1.1 404 Not Found\r\n", .failure("HTTP status 404")), ("HTTP/1.1 50", .needsMore),
    ("SSH-2.0\r\n", .failure("the answer is not HTTP")),
])
func `an HTTP answer is judged by its status line`(text: String, verdict: ProbeVerdict) {
    var probe = HTTPProbe(HTTPGetAction(), address: "10.0.0.2", port: 80)
    #expect(probe.verdict(on: Array(text.utf8), ended: false) == verdict)
}

@Test func `a header cannot smuggle in a second request`() {
    let action = HTTPGetAction {
        $0.httpHeaders = [HTTPHeader { ($0.name, $0.value) = ("X", "1\r\n\r\nGET /b HTTP/1.1") }]
    }
    let text = String(decoding: HTTPProbe(action, address: "10.0.0.2", port: 80).request, as: UTF8.self)
    #expect(text.components(separatedBy: "\r\n\r\n") == 2)
}

extension String {
    fileprivate func components(separatedBy separator: String) -> Int {
        var (count, rest) = (1, self[...])
        while let range = rest.firstRange(of: separator) {
            count += 1
            rest = rest[range.upperBound...]
        }
        return count
    }
}

@Test(arguments: [
    ([0x08, 0x01], ProbeVerdict.success), ([0x08, 0x02], .failure("health status NOT_SERVING")),
    ([], .failure("health status UNKNOWN")),
])
func `a gRPC answer is judged by its health status`(message: [UInt8], verdict: ProbeVerdict) {
    var probe = GRPCProbe(service: "", authority: "10.0.0.2:80")
    let payload = [0, 0, 0, 0, UInt8(message.count)] + message
    let settings: [UInt8] = [0, 0, 0, 4, 0, 0, 0, 0, 0]
    let data: [UInt8] = [0, 0, UInt8(payload.count), 0, 1, 0, 0, 0, 1] + payload
    #expect(probe.verdict(on: settings, ended: false) == .needsMore)
    #expect(probe.verdict(on: settings + data, ended: false) == verdict)
}
