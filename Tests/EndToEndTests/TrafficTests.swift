import Glibc
import Linux
import Model
import PKI
import Testing
import Threads

extension EndToEnd {
    /// How requests find the pods of Apps, whatever happens meanwhile.
    @Suite struct TrafficTests {
        private let ports: (http: Int, https: Int)
        private let cluster: Cluster

        init() throws {
            ports = (Int(try Listening().port), Int(try Listening().port))
            cluster = try Cluster(images: EndToEnd.cluster().images, routes: ports)
        }

        private static let web = """
            ports: [{name: http, port: 8080}]
            stop: {gracePeriod: 1s, drain: 10s}
            health: {readiness: {http: {path: /, port: http}, period: 1s}}
            """

        private func address(of app: String) throws -> String {
            let status = try cluster.awaitApp(app, "an address") { $0["status"]?["virtualAddress"] != nil }["status"]
            return try #require(status?["virtualAddress"]?.string)
        }

        private func curl(_ words: String...) throws -> Output {
            try cluster.run(["curl", "--silent", "--show-error", "--fail", "--max-time", "5"] + words)
        }

        private func route(_ host: String, _ words: String..., path: String = "/") throws -> Output {
            try cluster.run(
                ["curl", "--silent", "--show-error", "--fail", "--max-time", "5"] + words
                    + ["--header", "Host: \(host)", "http://127.0.0.1:\(ports.http)\(path)"])
        }

        @Test func `an App is reached by its address, by its name from pods, and by its route`() throws {
            defer { EndToEnd.end(cluster) }
            try cluster.run("web", Self.web + "\nreplicas: 2\nroutes: [{host: shop.example.com, path: /}]")
            let address = try address(of: "web")
            #expect(try curl("http://\(address):8080/").out == "web 1.0\n")
            #expect(try route("Shop.Example.com:8080").out == "web 1.0\n")
            #expect(try route("other.example.com").code == 22, "404")

            for name in ["web", "web.default", "web.default.svc.cluster.local"] {
                #expect(try cluster.exec("web", "wget", "-qO-", "http://\(name):8080/") == "web 1.0\n")
            }
            let shown = try cluster.martlet("describe", "app", "web")
            #expect(shown.out.contains("\(address) (web.default)") && shown.out.contains("http://shop.example.com/"))
            let hosts = (1...8).compactMap { _ in try? curl("http://\(address):8080/cgi-bin/hostname").out }
            #expect(Set(hosts).count == 2, "both pods answer: \(hosts)")
        }

        @Test func `a route is encrypted with the certificate of its Secret, and of our own without one`() throws {
            defer { EndToEnd.end(cluster) }
            let authority = try CertificateAuthority.generate(commonName: "test", now: MachineClock.wall.seconds)
            try apply(authority, host: "safe.example.com")
            try cluster.run(
                "web",
                Self.web + "\nroutes: [{host: safe.example.com, tls: {secret: safe}}, {host: own.example.com, tls: {}}]"
            )
            #expect(try secure("safe.example.com", trusting: authority.certificatePEM).out == "web 1.0\n")
            let own = try readText("\(cluster.data)/pki/ca.crt")
            #expect(try secure("own.example.com", trusting: own).out == "web 1.0\n")
            let plain = try cluster.run([
                "curl", "--silent", "--output", "/dev/null", "--write-out", "%{http_code} %{redirect_url}",
                "--header", "Host: safe.example.com", "http://127.0.0.1:\(ports.http)/x?y",
            ])
            #expect(plain.out == "308 https://safe.example.com:\(ports.https)/x?y")

            let other = try CertificateAuthority.generate(commonName: "other", now: MachineClock.wall.seconds)
            try apply(other, host: "safe.example.com")
            try eventually("the new certificate", within: 60) {
                try secure("safe.example.com", trusting: other.certificatePEM).code == 0 ? true : nil
            }
        }

        private func apply(_ authority: CertificateAuthority, host: String) throws {
            let issued = try authority.issueServer(
                commonName: host, dnsNames: [host], ipAddresses: [], now: MachineClock.wall.seconds)
            func block(_ text: String) -> String {
                text.split(separator: "\n").map { "    \($0)" }.joined(separator: "\n")
            }
            try cluster.apply(
                """
                apiVersion: v1
                kind: Secret
                metadata: {name: safe}
                type: kubernetes.io/tls
                stringData:
                  tls.crt: |
                \(block(issued.certificatePEM))
                  tls.key: |
                \(block(issued.keyPEM))

                """)
        }

        private func secure(_ host: String, trusting authority: String) throws -> Output {
            let path = "\(parentDirectory(of: cluster.data))/authority.pem"
            try writeDurably(path, text: authority, mode: 0o600)
            return try curl(
                "--cacert", path, "--resolve", "\(host):\(ports.https):127.0.0.1", "https://\(host):\(ports.https)/")
        }

        @Test func `of two Apps that claim one route the older has it, and the younger says why until it is free`()
            throws
        {
            defer { EndToEnd.end(cluster) }
            let spec = Self.web + "\nroutes: [{host: shop.example.com, path: /index.html}]"
            try cluster.run("older", spec)
            try cluster.run("younger", spec, tag: "2.0")
            #expect(try route("shop.example.com", path: "/index.html").out == "web 1.0\n")
            let routed = try cluster.awaitApp("younger", "why it is not routed") {
                $0.condition("Routed", "False") != nil
            }
            #expect(routed.condition("Routed", "False")?["message"]?.string?.contains("default/older") == true)
            try cluster.deleteAndWait("older")
            try eventually("the younger one's page", within: 20) {
                try route("shop.example.com", path: "/index.html").out == "web 2.0\n" ? true : nil
            }
            try cluster.awaitApp("younger", "routed") { $0.condition("Routed", "True") != nil }
        }

        @Test func `no request is lost while pods come, go and are replaced, and the agent is killed and starts again`()
            throws
        {
            defer { EndToEnd.end(cluster) }
            try cluster.run("web", Self.web + "\nreplicas: 2")
            let address = try address(of: "web")
            let clients = try [["--no-keepalive", "--header", "Connection: close"], []].map { words in
                try cluster.start(
                    [
                        "curl", "--silent", "--show-error", "--max-time", "10", "--output", "/dev/null",
                        "--write-out", "%{http_code}\\n",
                    ] + words + ["http://\(address):8080/?[1-1000000]"])
            }
            defer { for client in clients { client.kill(SIGKILL) } }
            for replicas in [5, 1, 3] {
                _ = try cluster.martlet("scale", "web", "--replicas", "\(replicas)")
                try eventually("\(replicas) pods", within: 60) {
                    let pods = try cluster.pods("web")
                    return pods.count == replicas && pods.allSatisfy(\.isReady) ? true : nil
                }
            }
            try cluster.stop(SIGKILL)
            try cluster.start()
            // The last pod that is ready goes only when the new one serves.
            _ = try cluster.martlet("scale", "web", "--replicas", "1")
            try cluster.run("web", Self.web + "\nreplicas: 1", tag: "2.0")
            try eventually("the old pods' end", within: 60) {
                let pods = try cluster.pods("web")
                return pods.count == 1 && pods[0].isReady ? true : nil
            }
            for client in clients {
                client.kill(SIGINT)
                _ = try client.awaitEnd()
                // The last line may be of a request that was cut off with the client.
                let codes = client.out.split(separator: "\n").dropLast()
                #expect(codes.count > 100 && codes.allSatisfy { $0 == "200" }, "\(Set(codes)) \(client.err)")
            }
        }

        @Test func `load balancer, DNS server, bridge and filter come back when somebody takes them away`() throws {
            defer { EndToEnd.end(cluster) }
            try cluster.run("web", Self.web + "\nroutes: [{host: shop.example.com}]")
            let address = try address(of: "web")
            func works() throws -> Bool {
                try curl("http://\(address):8080/").code == 0 && route("shop.example.com").code == 0
                    && cluster.martlet("exec", "web", "--", "wget", "-qO-", "http://web:8080/").code == 0
            }
            #expect(try works())
            let before = try cluster.pod("web")
            for pid in cluster.helpers() { kill(pid, SIGKILL) }
            try eventually("HAProxy and dnsmasq", within: 60) { try works() ? true : nil }
            for words in [
                ["ip", "link", "delete", "mlt-\(cluster.mark)"],
                ["nft", "delete", "table", "inet", "mlt-\(cluster.mark)"],
            ] {
                #expect(try cluster.run(words).code == 0)
                try eventually("repair after \(words)", within: 60) { try works() ? true : nil }
            }
            let after = try cluster.pod("web")
            #expect(before.uid == after.uid && after.container("web").restarts == 0, "the pod is none the wiser")
        }

        @Test func `a pod that accepts and never answers costs its client the timeout and nobody else anything`() throws
        {
            defer { EndToEnd.end(cluster) }
            try cluster.run(
                "mute",
                """
                command: [nc, -ll, -p, '8080', -e, sleep, '1000']
                ports: [{name: http, port: 8080}]
                traffic: {timeout: 1s, retries: {attempts: 0}}
                """)
            try cluster.run("web", Self.web)
            let (mute, web) = (try address(of: "mute"), try address(of: "web"))
            let answer = try cluster.run(["curl", "--silent", "--include", "--max-time", "20", "http://\(mute):8080/"])
            #expect(answer.out.hasPrefix("HTTP/1.1 504 "), "\(answer)")
            let page = try curl("http://\(web):8080/")
            #expect(page.out == "web 1.0\n", "\(page) \(cluster.server?.err ?? "")")
            let failures = (cluster.server?.err ?? "").split(separator: "\n").filter { $0.contains("failed") }
            #expect(failures.isEmpty)
        }

        @Test func `thousands of idle connections keep nobody from being served`() throws {
            defer { EndToEnd.end(cluster) }
            try cluster.run("web", Self.web)
            let address = try address(of: "web")
            var limit = rlimit()
            getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
            // HAProxy counts two descriptors for each connection, of as many as this process may have.
            let count = min(10_000, Int(limit.rlim_max) / 2 - 1000)
            var raised = limit
            raised.rlim_cur = limit.rlim_max
            setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &raised)
            defer { setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) }
            let idle = try (0..<count).map { _ in try Connecting(address, 8080) }
            #expect(idle.count == count)
            for _ in 0..<20 { #expect(try curl("http://\(address):8080/").out == "web 1.0\n") }
            _ = try cluster.martlet("scale", "web", "--replicas", "2")
            try eventually("both pods", within: 30) {
                try cluster.pods("web").filter(\.isReady).count == 2 ? true : nil
            }
            withExtendedLifetime(idle) {}
        }
    }

    /// How Apps share a range of addresses.
    @Suite struct AddressTests {
        @Test func `an App without an address says that all are taken, and gets one when one is free`() throws {
            let cluster = try Cluster(
                images: EndToEnd.cluster().images, serviceCIDR: "10.149.\(getpid() % 250).4/30")
            defer { EndToEnd.end(cluster) }
            let spec = "replicas: 1\nports: [{name: http, port: 8080}]"
            for name in ["one", "two"] { try cluster.run(name, spec) }
            try cluster.apply(cluster.manifest("three", spec))
            let waiting = try cluster.awaitApp("three", "why it has no address") {
                $0.condition("Routed", "False") != nil
            }
            #expect(waiting.condition("Routed", "False")?["message"]?.string?.contains("/30") == true)
            #expect(waiting["status"]?["virtualAddress"] == nil)
            try cluster.deleteAndWait("one")
            try cluster.awaitApp("three", "an address") { $0["status"]?["virtualAddress"] != nil }
        }
    }
}

extension EndToEnd {
    /// Ends the Martlet of a test, and makes sure that nothing is left.
    static func end(_ cluster: Cluster, sourceLocation: SourceLocation = #_sourceLocation) {
        do {
            #expect(try cluster.cleanUp() == [], sourceLocation: sourceLocation)
        } catch {
            Issue.record(error, sourceLocation: sourceLocation)
        }
    }
}

extension JSONValue {
    /// A condition of an object, if it has this status.
    fileprivate func condition(_ type: String, _ status: String) -> JSONValue? {
        self["status"]?["conditions"]?.array?.first { $0["type"]?.string == type && $0["status"]?.string == status }
    }
}

/// A connection to a server that says nothing.
private final class Connecting {
    private let raw: Int32

    init(_ host: String, _ port: UInt16) throws {
        raw = try systemCall("socket") { socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0) }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        inet_pton(AF_INET, host, &address.sin_addr)
        let raw = raw
        let code = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(raw, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        if code != 0 { throw LinuxError.last("connect") }
    }

    deinit { close(raw) }
}
