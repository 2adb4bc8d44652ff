import Linux
import Model
import Proxy
import Testing

@testable import DataPlane

extension LiveHAProxy {
    /// What HAProxy says of configurations without running them, and of those it cannot run.
    @Suite(.timeLimit(.minutes(10)), .enabled(if: isRoot)) struct ConfigurationCheckTests {
        /// A self-signed certificate for `a.example`, for tests only.
        private let certificate = """
            -----BEGIN CERTIFICATE-----
            MIIBlDCCATugAwIBAgIUeBHRyNKnZqnh6tePSoITEuK3aLgwCgYIKoZIzj0EAwIw
            FDESMBAGA1UEAwwJYS5leGFtcGxlMCAXDTI2MTEyMTIwNDE1MloYDzIxMjYxMDI4
            MjA0MTUyWjAUMRIwEAYDVQQDDAlhLmV4YW1wbGUwWTATBgcqhkjOPQIBBggqhkjO
            PQMBBwNCAATKc7y7ro1JbhIC842axMJB9lirZLthr3ppKccZYjP39kGFIEaSBFu5
            W8kXvlja1JWSLMp3ucF88XycpCnmfgiLo2kwZzAdBgNVHQ4EFgQUx0tEIYI4yC0u
            hsyuYDYi2YnQEE8wHwYDVR0jBBgwFoAUx0tEIYI4yC0uhsyuYDYi2YnQEE8wDwYD
            VR0TAQH/BAUwAwEB/zAUBgNVHREEDTALgglhLmV4YW1wbGUwCgYIKoZIzj0EAwID
            RwAwRAIgH+pNy155P202PN7gXMZe/U0KwSPh3Cfl1PS6LC3sChECIBJ6s2wBwWjc
            ZYThbIU5+6Br7VKjvv6a+0x0irkTrfCr
            -----END CERTIFICATE-----
            -----BEGIN PRIVATE KEY-----
            MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgTJdFvLtiipenIZyD
            MjlAKhPaOU5JyGXNwXsBiFaDhvGhRANCAATKc7y7ro1JbhIC842axMJB9lirZLth
            r3ppKccZYjP39kGFIEaSBFu5W8kXvlja1JWSLMp3ucF88XycpCnmfgiL
            -----END PRIVATE KEY-----

            """

        private func everything(_ name: String, _ protocol: AppProtocol, _ balance: String, per: String) -> Service {
            var all = service(name, port: TestPorts.next(), [], protocol: `protocol`) {
                $0.balance = balance
                $0.rateLimit = RateLimitSpec {
                    $0.requestsPerSecond = 2.5
                    $0.per = per
                }
                $0.retries = RetrySpec {
                    $0.attempts = 0
                    $0.on = ["ConnectFailure", "EmptyResponse", "ResponseTimeout", "500", "501", "502", "503", "504"]
                }
                $0.maxConnections = 5
                $0.sticky = StickySpec { $0.cookie = "stay" }
                $0.circuitBreaker = CircuitBreakerSpec()
                $0.webSocketDrain = .minutes(1)
            }
            all.ports[0].current = [
                Endpoint(podUID: "x-1", podName: "x", address: "10.0.0.1", port: 80),
                Endpoint(podUID: "x-2", podName: "x", address: "10.0.0.2", port: 80, phase: .draining),
            ]
            all.routes = [
                RouteSpec {
                    $0.host = "a.example"
                    $0.path = "/\(name)"
                    $0.tls = RouteTLS()
                },
                RouteSpec { $0.path = "/plain/\(name)" },
            ]
            return all
        }

        private var whole: EndpointTable {
            var services: [Service] = []
            for (index, balance) in ["RoundRobin", "LeastConnections", "SourceHash", "Random"].enumerated() {
                services.append(everything("http\(index)", .http, balance, per: "App"))
                services.append(everything("grpc\(index)", .http2, balance, per: "ClientIP"))
                services.append(everything("tcp\(index)", .tcp, balance, per: index == 0 ? "App" : "ClientIP"))
                services.append(everything("udp\(index)", .udp, balance, per: "App"))
            }
            var whole = EndpointTable(services: services)
            whole.settings = ProxySettings(httpPort: TestPorts.next(), httpsPort: TestPorts.next())
            whole.settings.routeAddress = "127.0.0.1"
            whole.settings.user = "haproxy"
            whole.settings.maxConnections = 2000
            whole.settings.certificates = [ProxyCertificate(name: "self-signed_a.example", pem: certificate)]
            return whole
        }

        @Test func `HAProxy takes every field, on every protocol, without a warning`() throws {
            try withTestDirectory { directory in
                let files = ProxyFiles(directory: "\(directory)/proxy", executable: "/usr/sbin/haproxy")
                try files.prepare()
                try files.propose(HAProxyConfiguration(whole, directory: files.directory))
                let check = try OneShot.run(files.executable, ["-c", "-f", files.configuration])
                #expect(check.output == "Configuration file is valid\n")
            }
        }

        @Test func `a table with every field is served, and plain requests of encrypted routes are sent to HTTPS`()
            throws
        {
            try withProxy { proxy in
                let whole = whole
                proxy.director.apply(whole)
                #expect(proxy.awaitServing("x-1"))
                let port = try #require(whole.settings.httpPort)
                let secure = try #require(whole.settings.httpsPort)
                let answer = HTTP.get(port, "/http0/x?y=z", headers: ["Host: a.example"])
                #expect(answer?.status == 308)
                let location = "location: https://a.example:\(secure)/http0/x?y=z"
                #expect(answer?.head.lowercased().contains(location) == true, "\(answer?.head ?? "")")
                // The certificate is presented: openssl(1) leaves with 0 when it was verified by itself.
                try writeFile("\(proxy.directory)/ca.pem", create: certificate)
                let client = try OneShot.run(
                    "/usr/bin/openssl",
                    [
                        "s_client", "-connect", "127.0.0.1:\(secure)", "-servername", "a.example", "-CAfile",
                        "\(proxy.directory)/ca.pem", "-verify_return_error",
                    ])
                #expect(client.end == .exited(code: 0), "\(client.output.suffix(500))")
            }
        }

        @Test func `services are served even when another program has the public port`() throws {
            try withProxy { proxy in
                let a = try Origin("a")
                defer { a.stop() }
                let port = TestPorts.next()
                var whole = table(service(port: port, [a]))
                // The port of an origin is taken.
                whole.settings.httpPort = a.port
                whole.settings.routeAddress = "127.0.0.1"
                proxy.director.apply(whole)
                guard case .ended(let reason)? = proxy.await({ if case .ended = $0 { true } else { false } }) else {
                    Issue.record("nothing was told")
                    return
                }
                #expect(reason.contains("cannot bind") && reason.contains("\(a.port)"), "\(reason)")
                #expect(proxy.awaitServing("a"))
                #expect(HTTP.get(port)?.body == "a")
            }
        }

        @Test func `a port that another program has is told, and the last good configuration stays`() throws {
            try withProxy { proxy in
                let (a, b) = (try Origin("a"), try Origin("b"))
                defer { for origin in [a, b] { origin.stop() } }
                let port = TestPorts.next()
                proxy.director.apply(table(service(port: port, [a])))
                #expect(proxy.awaitServing("a"))
                // The port of an origin is taken.
                proxy.director.apply(table(service(port: port, [a]), service("other", port: b.port, [])))
                guard case .refused(let reason)? = proxy.await({ if case .refused = $0 { true } else { false } }) else {
                    Issue.record("nothing was refused")
                    return
                }
                #expect(reason.contains("cannot bind") && reason.contains("\(b.port)"), "\(reason)")
                #expect(HTTP.get(port)?.body == "a")
                proxy.director.apply(table(service(port: port, [b])))
                #expect(proxy.awaitServing("b"))
                #expect(HTTP.get(port)?.body == "b")
            }
        }
    }
}
