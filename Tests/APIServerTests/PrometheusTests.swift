import APIServer
import Client
import Glibc
import HTTP
import Model
import PKI
import Store
import Synchronization
import Testing
import Wire

/// What Prometheus itself makes of `/metrics`.
@Suite(.enabled(if: Prometheus.isInstalled, "there is no prometheus on PATH: hack/setup installs one"))
struct PrometheusTests {
    /// Two pods, of which one fails, and a label that needs escaping.
    private func serve(_ bridge: FakeBridge, requests: Int) {
        var key = TrafficKey(namespace: "shop", app: "web", port: "http")
        var totals = [key: TrafficTotal()]
        for (pod, errors) in [("web-1-a", 0), ("web-1-b", 5)] {
            (key.podName, key.podUID, key.revision) = (pod, "uid-\(pod)", "web\"1\\\n")
            var total = TrafficTotal()
            (total.counts.requests, total.counts.serverErrors) = (requests, errors)
            (total.counts.successes, total.counts.connectErrors) = (requests - errors, errors)
            for _ in 0..<requests { total.durations.record(errors > 0 ? 400 : 20) }
            totals[key] = total
        }
        bridge.totals.withLock { $0 = totals }
    }

    private func store() throws -> MemoryStore {
        let store = MemoryStore()
        let documents: [(ResourceType, JSONValue)] = [
            (.node, ["metadata": ["name": "node-1"]]),
            (.app, TestAPI.app("web", ["metadata": ["namespace": "shop"], "status": ["readyReplicas": 2]])),
            (.pod, TestAPI.pod("web-1-a", ["metadata": ["namespace": "shop", "labels": ["martlet.dev/app": "web"]]])),
        ]
        for (type, document) in documents {
            let metadata = document["metadata"]
            let key = ObjectKey(
                type, namespace: metadata?["namespace"]?.string ?? "", name: metadata?["name"]?.string ?? "")
            _ = try store.commit(StoreTransaction(writes: [.put(key, document)]))
        }
        return store
    }

    @Test func `promtool has nothing to say of the page`() throws {
        let prometheus = try Prometheus()
        let server = try SecureServer(store: store())
        serve(server.bridge, requests: 40)
        let page = try server.client(token: "secret").send("GET", "/metrics")
        let text = String(decoding: page.body, as: UTF8.self)
        let verdict = try prometheus.promtool(["check", "metrics"], input: text)
        #expect(verdict.code == 0 && verdict.all.isEmpty, "\(verdict.all)\n\(text)")
    }

    @Test func `Prometheus scrapes it with a client certificate, and again when it has grown`() throws {
        let prometheus = try Prometheus()
        let server = try SecureServer(store: store())
        serve(server.bridge, requests: 40)
        let identity = try server.authority.issueClient(
            commonName: "prometheus", organizations: ["system:monitoring"], now: KubectlCluster.now().seconds)
        try prometheus.start(
            port: server.port, authority: server.authority.certificatePEM, certificate: identity.certificatePEM,
            key: identity.keyPEM)
        let requests = "sum by (app) (martlet_requests_total)"
        #expect(try prometheus.awaitValue(of: requests, "80") == #"{app="web"} => 80"#, "\(prometheus.log)")
        serve(server.bridge, requests: 100)
        #expect(try prometheus.awaitValue(of: requests, "200") == #"{app="web"} => 200"#, "\(prometheus.log)")
        let expected = [
            (#"martlet_requests_total{code="5xx",pod="web-1-b"} / ignoring(code) martlet_connect_errors_total"#, "1"),
            (
                "histogram_quantile(0.99, sum by (le) (martlet_request_duration_seconds_bucket{pod=\"web-1-b\"}))",
                "0.4975"
            ),
            (#"count(martlet_requests_in_flight{revision="web\"1\\\n"})"#, "2"), ("martlet_app_replicas_ready", "2"),
            (#"martlet_pods{phase="Pending"}"#, "1"), ("scrape_samples_scraped > bool 50", "1"), ("up", "1"),
        ]
        for (query, value) in expected {
            let answer = try prometheus.query(query)
            #expect(answer.split(separator: " ").last.map(String.init) == value, "\(query): \(answer)")
        }
    }
}

/// A Prometheus of the test's own, on the loopback interface and in a folder that goes with it.
private final class Prometheus {
    static let isInstalled = TestFile.onPath("prometheus") != nil && TestFile.onPath("promtool") != nil

    private let directory = "/tmp/martlet-test-prometheus-\(UInt32.random(in: 0...UInt32.max))"
    private var process: RunningProcess?
    private var url = ""

    /// What it says of itself.
    var log: String { process?.err ?? "" }

    init() throws {
        guard mkdir(directory, 0o700) == 0 else { throw TestFailure("cannot make \(directory)") }
    }

    deinit {
        process?.terminate()
        _ = process?.wait()
        KubectlCluster.remove(directory)
    }

    /// Starts to scrape an API server, five times a second.
    func start(port: UInt16, authority: String, certificate: String, key: String) throws {
        for (name, text) in [("ca", authority), ("certificate", certificate), ("key", key)] {
            try TestFile.write(text, to: "\(directory)/\(name).pem")
        }
        let config: JSONValue = [
            "global": ["scrape_interval": "200ms", "scrape_timeout": "200ms"],
            "scrape_configs": [
                [
                    "job_name": "martlet", "scheme": "https",
                    "tls_config": [
                        "ca_file": .string("\(directory)/ca.pem"),
                        "cert_file": .string("\(directory)/certificate.pem"),
                        "key_file": .string("\(directory)/key.pem"),
                    ],
                    "static_configs": [["targets": [.string("127.0.0.1:\(port)")]]],
                ]
            ],
        ]
        // JSON is YAML.
        try TestFile.write(config.text(), to: "\(directory)/prometheus.yml")
        process = try RunningProcess(
            TestFile.onPath("prometheus") ?? "",
            [
                "--config.file=\(directory)/prometheus.yml", "--storage.tsdb.path=\(directory)/data",
                "--web.listen-address=127.0.0.1:0",
            ], environment: ["HOME=\(directory)", "NO_PROXY=127.0.0.1"], directory: directory)
        // It says which port it took.
        let address = try waitForLog { log -> String? in
            guard log.contains("Server is ready"), let mark = log.firstRange(of: "Listening on\" address=") else {
                return nil
            }
            return String(log[mark.upperBound...].prefix { !$0.isWhitespace })
        }
        url = "http://\(address)"
    }

    /// Runs promtool.
    func promtool(_ arguments: [String], input: String = "") throws -> ProcessResult {
        try RunningProcess(
            TestFile.onPath("promtool") ?? "", arguments, environment: ["HOME=\(directory)", "NO_PROXY=127.0.0.1"],
            directory: directory, input: input
        ).wait()
    }

    /// What an expression is worth now: a line for each series, without the time.
    func query(_ expression: String) throws -> String {
        let answer = try promtool(["query", "instant", url, expression])
        return answer.all.split(separator: "\n").map { line in
            line.split(separator: " ").filter { !$0.hasPrefix("@[") }.joined(separator: " ")
        }.joined(separator: "\n")
    }

    /// What an expression is worth once it ends with a value, or after a long time.
    func awaitValue(of expression: String, _ value: String) throws -> String {
        var answer = ""
        for _ in 0..<150 {
            answer = try query(expression)
            if answer.hasSuffix(" \(value)") { break }
            poll(nil, 0, 100)
        }
        return answer
    }

    private func waitForLog<Answer>(_ question: (String) -> Answer?) throws -> Answer {
        for _ in 0..<300 {
            if let answer = question(log) { return answer }
            poll(nil, 0, 50)
        }
        throw TestFailure("Prometheus does not begin:\n\(log)")
    }
}
