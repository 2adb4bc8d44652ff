import APIServer
import Model
import Synchronization
import Testing
import Wire

/// `/metrics`, and `metrics.martlet.dev`: what happened to Apps' requests.
@Suite struct MetricsTests {
    let api: TestAPI
    static let apps = "/apis/metrics.martlet.dev/v1/namespaces/default/apps"

    init() throws {
        api = try TestAPI()
        try api.store(TestAPI.app("web", ["metadata": ["namespace": "default", "labels": ["tier": "front"]]]), .app)
        try api.store(TestAPI.app("idle", ["metadata": ["namespace": "default"]]), .app)
        for (name, revision) in [("web-1-a", "web-1"), ("web-2-b", "web-2")] {
            try api.store(
                TestAPI.pod(
                    name,
                    [
                        "metadata": [
                            "uid": .string("uid-\(name)"),
                            "labels": ["martlet.dev/app": "web", "martlet.dev/revision": .string(revision)],
                        ], "spec": ["nodeName": "node-1"],
                        "status": [
                            "phase": "Running",
                            "conditions": [["type": "Ready", "status": .string(name == "web-1-a" ? "True" : "False")]],
                            "containerStatuses": [["name": "web", "restartCount": 2]],
                        ],
                    ]), .pod)
        }
        #expect(api.post("/api/v1/nodes", ["metadata": ["name": "node-1"]]).status == 201)
    }

    private func key(_ pod: String = "", revision: String = "") -> TrafficKey {
        var key = TrafficKey(namespace: "default", app: "web", port: "http")
        (key.podName, key.revision, key.podUID) = (pod, revision, pod.isEmpty ? "" : "uid-\(pod)")
        return key
    }

    private func summary(_ requests: Int, errors: Int = 0, taking milliseconds: Int = 8) -> TrafficSummary {
        var summary = TrafficSummary()
        (summary.requests, summary.successes, summary.serverErrors) = (requests, requests - errors, errors)
        summary.latency.add(bucket: LatencyHistogram.bucket(milliseconds), count: requests)
        return summary
    }

    private func serve() {
        api.bridge.carried.withLock { carried in
            var failing = summary(100, errors: 10, taking: 300)
            (failing.retries, failing.connectErrors, failing.inFlight, failing.queued) = (7, 5, 3, 2)
            carried[10] = [
                key(): summary(20, errors: 20), key("web-1-a", revision: "web-1"): summary(380),
                key("web-2-b", revision: "web-2"): failing, key("web-2-gone", revision: "web-2"): summary(10),
            ]
            carried[60] = [key("web-1-a", revision: "web-1"): summary(1200)]
        }
        api.bridge.used.withLock {
            $0 = NodeUsage(
                time: Timestamp(seconds: 1_700_000_000), window: .seconds(5),
                node: .init(cpuNanocores: 1_500_000_000, memoryBytes: 3 << 30, cpuNanoseconds: 7_250_000_000),
                pods: [
                    "uid-web-1-a": [
                        "web": .init(cpuNanocores: 250_000_000, memoryBytes: 64 << 20, cpuNanoseconds: 1_500_000_000)
                    ]
                ])
        }
        api.bridge.totals.withLock { totals in
            var total = TrafficTotal()
            total.counts = summary(380)
            for _ in 0..<380 { total.durations.record(8) }
            totals[key("web-1-a", revision: "web-1")] = total
            var failing = TrafficTotal()
            failing.counts = summary(100, errors: 10)
            (failing.counts.retries, failing.counts.connectErrors, failing.isEjected) = (7, 5, true)
            totals[key("web-2-b", revision: "web-2")] = failing
            totals[key()] = TrafficTotal()
        }
    }

    private func metrics(_ query: String = "") throws -> AppMetrics {
        try AppMetrics(json: JSONValue(parsing: api.get("\(Self.apps)/web\(query)").text))
    }

    @Test func `an App's metrics are those of its pods and what no pod got`() throws {
        serve()
        let metrics = try metrics()
        #expect(metrics.metadata.name == "web" && metrics.metadata.labels == ["tier": "front"])
        #expect(metrics.window == "10s" && metrics.kind == "AppMetrics")
        let total = metrics.total
        #expect(total.requests.count == 510 && total.requests.perSecond == 51 && total.requests.serverErrors == 30)
        #expect(total.requests.retries == 7 && total.requests.inFlight == 3 && total.requests.queued == 2)
        #expect(total.requests.latency?.p50Milliseconds == 8 && (total.requests.latency?.p99Milliseconds ?? 0) >= 300)
        #expect(total.pods == 2 && total.readyPods == 1 && total.cpu == "250000000n" && total.memory == "65536Ki")
        #expect(metrics.revisions.map(\.name) == ["web-1", "web-2"])
        #expect(metrics.revisions.map(\.requests.count) == [380, 110])
        #expect(metrics.revisions.map(\.readyPods) == [1, 0] && metrics.revisions[1].cpu == nil)
        #expect(metrics.pods.map(\.name) == ["web-1-a", "web-2-b", "web-2-gone"])
        #expect(metrics.pods.map(\.requests.count) == [380, 100, 10] && metrics.pods.map(\.pods) == [1, 1, 0])
        #expect(metrics.pods[1].requests.connectErrors == 5 && metrics.pods[1].revision == "web-2")
    }

    @Test func `an App without requests has figures that say so`() throws {
        serve()
        let list = try JSONValue(parsing: api.get(Self.apps).text)["items"]?.array ?? []
        let all = try list.map { try AppMetrics(json: $0) }
        #expect(all.map(\.metadata.name) == ["idle", "web"])
        #expect(all[0].total.requests == RequestFigures() && all[0].revisions.isEmpty)
    }

    @Test(arguments: [
        ("?window=1m", 200), ("?window=15m", 200), ("?window=16m", 400), ("?window=0s", 400), ("?window=1500ms", 400),
        ("?window=x", 400),
    ])
    func `a window is whole seconds up to fifteen minutes`(query: String, status: Int) throws {
        serve()
        #expect(api.get("\(Self.apps)/web\(query)").status == status)
        #expect(try query != "?window=1m" || metrics(query).total.requests.perSecond == 20)
    }

    @Test func `who may not see Apps sees nothing of them, and what is not there is not found`() {
        let guest = ["authorization": "Bearer guest"]
        #expect(api.call("GET", Self.apps, headers: guest).status == 403)
        #expect(api.call("GET", "/metrics", headers: guest).status == 403)
        #expect(api.call("GET", "/metrics", headers: ["authorization": "none"]).status == 401)
        #expect(api.get("\(Self.apps)/none").status == 404)
        #expect(api.call("POST", Self.apps).status == 405)
        #expect(api.get("/apis/metrics.martlet.dev/v1").text.contains("AppMetrics"))
    }

    @Test(arguments: [
        #"martlet_requests_total{namespace="default",app="web",port="http",revision="web-1",pod="web-1-a",node="node-1",code="2xx"} 380"#,
        #"martlet_requests_total{namespace="default",app="web",port="http",revision="web-2",pod="web-2-b",node="node-1",code="5xx"} 10"#,
        #"martlet_requests_total{namespace="default",app="web",port="http",node="node-1",code="5xx"} 0"#,
        #"martlet_request_retries_total{namespace="default",app="web",port="http",revision="web-2",pod="web-2-b",node="node-1"} 7"#,
        #"martlet_connect_errors_total{namespace="default",app="web",port="http",revision="web-2",pod="web-2-b",node="node-1"} 5"#,
        #"martlet_circuit_open{namespace="default",app="web",port="http",revision="web-2",pod="web-2-b",node="node-1"} 1"#,
        #"martlet_request_duration_seconds_bucket{namespace="default",app="web",port="http",revision="web-1",pod="web-1-a",node="node-1",le="0.005"} 0"#,
        #"martlet_request_duration_seconds_bucket{namespace="default",app="web",port="http",revision="web-1",pod="web-1-a",node="node-1",le="0.01"} 380"#,
        #"martlet_request_duration_seconds_sum{namespace="default",app="web",port="http",revision="web-1",pod="web-1-a",node="node-1"} 3.04"#,
        #"martlet_pods{namespace="default",app="web",phase="Running"} 2"#,
        #"martlet_pods{namespace="default",app="web",phase="Failed"} 0"#,
        #"martlet_container_restarts_total{namespace="default",pod="web-1-a",app="web",container="web"} 2"#,
        #"martlet_container_cpu_seconds_total{namespace="default",pod="web-1-a",app="web",container="web",node="node-1"} 1.5"#,
        #"martlet_node_cpu_seconds_total{node="node-1"} 7.25"#, #"martlet_node_memory_bytes{node="node-1"} 3221225472"#,
        #"martlet_app_replicas_ready{namespace="default",app="idle"} 0"#, #"martlet_build_info{version="unknown"} 1"#,
    ])
    func `the page has it`(line: String) {
        serve()
        let page = api.get("/metrics")
        #expect(page.headers("Content-Type") == ["text/plain; version=0.0.4; charset=utf-8"])
        #expect(page.text.split(separator: "\n").contains { $0 == line }, "\(page.text)")
    }

    @Test func `a listener for monitoring serves the page to everybody, and nothing else`() {
        func status(_ path: String, method: String = "GET") -> Int {
            let responder = TestResponder()
            api.server.handleMetrics(TestAPI.request(method, path, headers: ["authorization": "none"]), responder)
            return responder.wait().status
        }
        #expect(status("/metrics") == 200 && status("/metrics", method: "POST") == 405)
        #expect(status("/api/v1/pods") == 404 && status("/snapshot") == 404 && status("/healthz") == 404)
    }
}
