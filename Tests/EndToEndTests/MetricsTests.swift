import Glibc
import Linux
import Model
import Testing

extension EndToEnd {
    /// What is told of requests, from HAProxy's log to who asks.
    @Suite struct MetricsTests {
        private let cluster: Cluster

        init() throws {
            cluster = try Cluster(images: EndToEnd.cluster().images)
            try cluster.stop()
            cluster.serverOptions = ["--metrics-listen", "127.0.0.1:0"]
            try cluster.start()
        }

        /// Sends requests and returns how many were answered with a status.
        private func send(_ count: Int, _ url: String) throws -> [String: Int] {
            let words = ["curl", "--silent", "--max-time", "10", "--write-out", "%{stderr}%{http_code}\n"]
            let output = try cluster.run(words + (0..<count).map { _ in url })
            return output.err.split(separator: "\n").reduce(into: [:]) { $0[String($1), default: 0] += 1 }
        }

        /// The sum of the values of a measurement whose labels have some text.
        private func sum(_ page: String, _ name: String, _ labels: String...) -> Double {
            page.split(separator: "\n").filter { line in
                line.hasPrefix(name + "{") && labels.allSatisfy { line.contains($0) }
            }.reduce(0) { $0 + (Double($1.split(separator: " ").last ?? "") ?? 0) }
        }

        @Test func `every request is counted once, by its pod and status, for people and for monitoring`() throws {
            defer { EndToEnd.end(cluster) }
            try cluster.run(
                "web",
                """
                replicas: 2
                ports: [{name: http, port: 8080}]
                stop: {gracePeriod: 1s, drain: 10s}
                health: {readiness: {http: {path: /, port: http}, period: 1s}}
                """)
            let app = try cluster.awaitApp("web", "an address") { $0["status"]?["virtualAddress"] != nil }
            let url = "http://\(try #require(app["status"]?["virtualAddress"]?.string)):8080"
            #expect(try send(60, "\(url)/") == ["200": 60])
            #expect(try send(7, "\(url)/none") == ["404": 7])

            let server = try #require(cluster.server)
            let mark = try #require(server.err.split(separator: "\n").first { $0.contains("metrics: http://") })
            let metrics = try #require(mark.split { $0 == " " || $0 == "\"" }.last)
            func page() throws -> String { try cluster.run(["curl", "--silent", "--fail", String(metrics)]).out }
            let found = try eventually("67 requests", last: { (try? page()) ?? "" }) {
                let page = try page()
                return sum(page, "martlet_requests_total", "app=\"web\"") >= 67 ? page : nil
            }
            #expect(sum(found, "martlet_requests_total", "app=\"web\"", "code=\"2xx\"") == 60)
            #expect(sum(found, "martlet_requests_total", "app=\"web\"", "code=\"4xx\"") == 7)
            #expect(sum(found, "martlet_request_duration_seconds_count", "app=\"web\"") == 67)
            for pod in try cluster.pods("web") {
                #expect(sum(found, "martlet_requests_total", "pod=\"\(pod.name)\"") > 0, "both pods have some")
            }
            #expect(sum(found, "martlet_app_replicas_ready", "app=\"web\"") == 2)

            let top = try cluster.martlet("top", "app", "web", "--window", "5m", "-o", "json")
            let requests = try JSONValue(parsing: top.out)["total"]?["requests"]
            #expect(requests?["count"] == 67 && requests?["clientErrors"] == 7, "\(top)")
            let rows = try cluster.martlet("top", "app", "web", "--pods", "--no-headers").out.split(separator: "\n")
            #expect(rows.count == 2)
            try noPodGetsThem(url, page)
        }

        /// Requests that no pod got count for the App.
        private func noPodGetsThem(_ url: String, _ page: () throws -> String) throws {
            _ = try cluster.martlet("scale", "web", "--replicas", "0")
            _ = try cluster.awaitApp("web", "no pods") { $0["status"]?["replicas"]?.integer ?? 0 == 0 }
            #expect(try send(3, "\(url)/") == ["503": 3])
            let after = try eventually("three failures", last: { (try? page()) ?? "" }) {
                let page = try page()
                return sum(page, "martlet_requests_total", "app=\"web\"", "code=\"5xx\"") >= 3 ? page : nil
            }
            let failed = after.split(separator: "\n").first {
                $0.hasPrefix("martlet_requests_total{") && $0.hasSuffix(" 3")
            }
            #expect(failed?.contains("pod=") == false && failed?.contains("code=\"5xx\"") == true)
            #expect(sum(after, "martlet_requests_total", "app=\"web\"") == 70, "nothing went back")
        }
    }
}
