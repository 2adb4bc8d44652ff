import APIServer
import Model
import Testing
import Wire

@testable import Commands

private let path = "/apis/metrics.martlet.dev/v1/namespaces/default/apps"

private func part(_ name: String, _ change: (inout AppMetrics.Part) -> Void = { _ in }) -> AppMetrics.Part {
    AppMetrics.Part {
        $0.name = name
        change(&$0)
    }
}

private func figures(_ requests: Int, errors: Int = 0, taking milliseconds: Int = 0) -> RequestFigures {
    var summary = TrafficSummary()
    (summary.requests, summary.serverErrors) = (requests, errors)
    if milliseconds > 0 {
        summary.latency.add(bucket: LatencyHistogram.bucket(milliseconds), count: requests)
    }
    return RequestFigures(summary, seconds: 10)
}

private func metrics(_ name: String, _ total: RequestFigures, _ pods: [AppMetrics.Part] = []) -> JSONValue {
    AppMetrics {
        ($0.metadata.name, $0.metadata.namespace) = (name, "default")
        $0.total = part(name) {
            ($0.pods, $0.readyPods, $0.requests) = (2, 1, total)
            ($0.cpu, $0.memory) = ("250000000n", "65536Ki")
        }
        $0.pods = pods
    }.json
}

private func client() -> FakeAPIClient {
    let client = FakeAPIClient()
    let busy = metrics(
        "web", figures(510, errors: 30, taking: 12),
        [part("web-1-a") { ($0.readyPods, $0.pods, $0.requests) = (1, 1, figures(500)) }, part("web-1-b")])
    client.on("GET", path, ["items": [busy, metrics("api", figures(0))]])
    client.on("GET", path + "/web", busy)
    return client
}

@Test func `top apps shows requests, errors, latencies and use`() {
    let run = CommandRun("top", "apps", client: client())
    #expect(
        run.output == """
            NAME   READY   REQ/S   ERRORS   RETRIES   CONN-ERRORS   IN-FLIGHT   QUEUE   P50    P95    P99    CPU    MEMORY
            api    1/2     0       -        0         0             0           0       -      -      -      250m   64Mi
            web    1/2     51      5.9%     0         0             0           0       12ms   12ms   12ms   250m   64Mi

            """, "\(run.output)\(run.errors)")
}

@Test func `top apps sorts, and looks at the pods of one App and as far back as is asked`() {
    let client = client()
    let sorted = CommandRun("top", "apps", "--sort-by", "requests", "--no-headers", client: client)
    #expect(sorted.output.hasPrefix("web "), "\(sorted.output)\(sorted.errors)")
    let pods = CommandRun("top", "app", "web", "--pods", "--window", "5m", client: client)
    #expect(pods.output.contains("web    web-1-a   1/1     50 "), "\(pods.output)\(pods.errors)")
    #expect(client.requests.last?.path == path + "/web?window=5m")
    let document = CommandRun("top", "app", "web", "-o", "jsonpath={.total.requests.count}", client: client)
    #expect(document.output.hasPrefix("510"), "\(document.output)")
}

/// What `top nodes` shows, with one space between.
private func nodeCells(_ client: FakeAPIClient) -> String {
    let run = CommandRun("top", "nodes", "--no-headers", client: client)
    return run.output.split(whereSeparator: \.isWhitespace).joined(separator: " ") + run.errors
}

@Test func `top pods and top nodes show requests beside what is used`() {
    let client = client()
    client.on(
        "GET", "/apis/metrics.martlet.dev/v1/apps",
        [
            "items": [
                metrics("web", figures(0), [part("web-1-a") { $0.requests = figures(500) }, part("web-1-b")])
            ]
        ])
    func use(_ name: String) -> JSONValue {
        [
            "metadata": ["name": .string(name), "namespace": "default"],
            "containers": [["name": "main", "usage": ["cpu": "250m", "memory": "64Mi"]]],
        ]
    }
    let pods = "/apis/metrics.k8s.io/v1beta1/namespaces/default/pods"
    client.on("GET", pods, ["items": [use("web-1-a"), use("web-1-b"), use("job-1")]])
    client.on("GET", path, ["items": [metrics("web", figures(0), [part("web-1-a") { $0.requests = figures(500) }])]])
    let run = CommandRun("top", "pods", "--sum", client: client)
    #expect(
        run.output == """
            NAME      CPU(cores)   MEMORY(bytes)   REQ/S
            job-1     250m         64Mi            -
            web-1-a   250m         64Mi            50
            web-1-b   250m         64Mi            -
            total     750m         192Mi           50

            """, "\(run.output)\(run.errors)")
    client.on(
        "GET", "/apis/metrics.k8s.io/v1beta1/nodes",
        [
            "items": [["metadata": ["name": "one"], "usage": ["cpu": "1", "memory": "64Mi"]]]
        ])
    client.on("GET", "/api/v1/nodes", ["kind": "NodeList", "apiVersion": "v1", "items": []])
    let pod = Pod {
        ($0.metadata.name, $0.metadata.namespace, $0.spec.nodeName) = ("web-1-a", "default", "one")
    }
    #expect(nodeCells(client) == "one 1000m <unknown> 64Mi <unknown> -", "pods are not for everybody to see")
    client.on("GET", "/api/v1/pods", ["kind": "PodList", "apiVersion": "v1", "items": [pod.json]])
    #expect(nodeCells(client) == "one 1000m <unknown> 64Mi <unknown> 50")
}

@Test(arguments: [
    (["top", "things"], "expected pods, nodes or apps"),
    (["top", "apps", "--sort-by", "size"], "--sort-by takes requests"),
    (["top", "pods", "--sort-by", "p99"], "--sort-by takes cpu, memory"),
    (["top", "pods", "--window", "1m"], "--window does not go with pods"),
    (["top", "apps", "--containers"], "--containers does not go with apps"),
    (["top", "app", "web", "-A"], "app \"web\" cannot be named across all namespaces"),
    (["up", "--metrics-listen", "x"], "--metrics-listen takes ADDRESS:PORT"),
])
func `what top and up cannot do they say`(words: [String], message: String) {
    let run = CommandRun(words: words, client: client())
    #expect(run.code == 2 && run.errors.contains(message), "\(run.errors)")
}

@Test(arguments: [(0, "0"), (0.04, "0.0"), (1.25, "1.3"), (9.96, "10.0"), (12.4, "12")])
func `rates are short`(rate: Double, text: String) { #expect(TopApps.rate(rate) == text) }

@Test(arguments: [(nil, "-"), (0, "0ms"), (9999, "9999ms"), (12_340, "12.3s")] as [(Int?, String)])
func `times are short`(milliseconds: Int?, text: String) { #expect(TopApps.time(milliseconds) == text) }

@Test func `a process is read from what the kernel says of it`() {
    let files = [
        "/proc/self/stat":
            "7 (a b) c) S 1 7 7 0 -1 4194560 10 0 0 0 250 50 0 0 20 0 9 0 12345 1000000 300 18446744073709551615",
        "/proc/stat": "cpu 1 2\nbtime 1700000000\n",
    ]
    let usage = ProcessUsage(openFiles: 8, openFileLimit: 20, ticksPerSecond: 100, pageSize: 4096) { files[$0] ?? "" }
    #expect(usage?.cpuNanoseconds == 3_000_000_000 && usage?.threads == 9)
    #expect(usage?.virtualBytes == 1_000_000 && usage?.residentBytes == 300 * 4096)
    #expect(usage?.startTime == Timestamp(seconds: 1_700_000_123) + .milliseconds(450))
    let none = ProcessUsage(openFiles: 0, openFileLimit: 0, ticksPerSecond: 100, pageSize: 4096) { _ in "" }
    #expect(none == nil)
    #expect((ProcessUsage.own()?.residentBytes ?? 0) > 0)
}
