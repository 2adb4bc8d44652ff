import Model
import Proxy
import Synchronization
import Testing

@testable import Agent

/// Traffic that does what tests say.
private final class FakeTraffic: NodeTraffic {
    struct State {
        var applied: [DesiredTraffic] = []
        var drained: Set<String> = []
        var serving: Set<String> = []
        var changed: @Sendable () -> Void = {}
    }
    let state = Mutex(State())

    func apply(_ desired: DesiredTraffic) { state.withLock { $0.applied.append(desired) } }
    func isDrained(_ podUID: String) -> Bool { state.withLock { $0.drained.contains(podUID) } }
    func isServing(_ podUID: String) -> Bool { state.withLock { $0.serving.contains(podUID) } }
    func observe(_ changed: @escaping @Sendable () -> Void) { state.withLock { $0.changed = changed } }

    func traffic(seconds: Int) -> [TrafficKey: TrafficSummary] { [:] }
    func trafficTotals() -> [TrafficKey: TrafficTotal] { [:] }

    func begin(_ podUID: String) {
        let changed = state.withLock { state in
            state.serving.insert(podUID)
            return state.changed
        }
        changed()
    }

    func finish(_ podUID: String) {
        let changed = state.withLock { state in
            state.drained.insert(podUID)
            return state.changed
        }
        changed()
    }

    var applied: [DesiredTraffic] { state.withLock { $0.applied } }
}

struct TrafficKeeperTests {
    private let traffic = FakeTraffic()

    private var app: App {
        App { app in
            (app.metadata.name, app.metadata.namespace, app.metadata.uid) = ("web", "shop", "uid-web")
            app.spec.traffic = TrafficSpec { $0.webSocketDrain = .seconds(20) }
            app.spec.ports = [AppPort { ($0.name, $0.port) = ("http", 8080) }]
        }
    }

    private var pod: Pod { pod("u1") }

    private func pod(_ uid: String) -> Pod {
        Pod { pod in
            (pod.metadata.name, pod.metadata.namespace, pod.metadata.uid) = ("web-\(uid)", "shop", uid)
            pod.metadata.labels = ["martlet.dev/app": "web"]
            pod.status = PodStatus {
                $0.podIP = "10.77.0.2"
                $0.conditions = [Condition("Ready", true, reason: "Test", message: "")]
            }
        }
    }

    @Test func `nothing is applied before everything is known, and nothing twice`() {
        let keeper = TrafficKeeper(traffic)
        keeper.note(AppChange.all([app]))
        #expect(traffic.applied.isEmpty)
        keeper.note(PodChange.all([pod]))
        keeper.note(PodChange.changed(pod))
        #expect(traffic.applied.map { $0.services.map(\.name) } == [["web"]])
        keeper.note(AppChange.removed(app.key))
        #expect(traffic.applied.last?.services == [])
    }

    @Test func `a pod of the node gets requests before the API calls it ready, and is told of them once`() {
        let keeper = TrafficKeeper(traffic)
        keeper.note(AppChange.all([app]))
        keeper.note(PodChange.all([]))
        let count = Mutex(0)
        keeper.serve(pod, isReady: true) { count.withLock { $0 += 1 } }
        #expect(traffic.applied.last?.services.first?.ports.first?.current.map(\.phase) == [.ready])
        #expect(count.withLock { $0 } == 0)
        traffic.begin("u1")
        traffic.begin("u1")
        #expect(count.withLock { $0 } == 1)
        keeper.serve(pod, isReady: false) { count.withLock { $0 += 1 } }
        #expect(traffic.applied.last?.services.first?.ports.first?.current.map(\.phase) == [.draining])
        #expect(count.withLock { $0 } == 1)
    }

    @Test func `a pod that drains gets no more requests, and its end is told once`() {
        let keeper = TrafficKeeper(traffic)
        keeper.note(AppChange.all([app]))
        keeper.note(PodChange.all([pod, pod("u2")]))
        let count = Mutex(0)
        let patience = keeper.drain("u1") { count.withLock { $0 += 1 } }
        #expect(traffic.applied.last?.services.first?.ports.first?.current.map(\.phase) == [.draining, .ready])
        #expect(count.withLock { $0 } == 0)
        #expect(patience == .seconds(20), "WebSockets have more time than requests")
        traffic.finish("u1")
        traffic.finish("u1")
        #expect(count.withLock { $0 } == 1)
    }

    @Test func `a pod to which no request ever came is drained at once`() {
        let keeper = TrafficKeeper(traffic)
        traffic.finish("u2")
        let count = Mutex(0)
        let patience = keeper.drain("u2") { count.withLock { $0 += 1 } }
        #expect(count.withLock { $0 } == 1 && patience == nil)
    }
}
