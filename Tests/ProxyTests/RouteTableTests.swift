import Model
import Proxy
import Testing

@Suite struct RouteTableTests {
    private func service(
        _ name: String, _ routes: [RouteSpec], created: Int64 = 0, protocol: AppProtocol = .http
    ) -> Service {
        Service(
            namespace: "shop", name: name, uid: name,
            ports: [
                ServicePort(name: "http", port: 80, protocol: `protocol`), ServicePort(name: "admin", port: 81),
            ], routes: routes, createdAt: Timestamp(seconds: created))
    }

    private func route(_ host: String?, _ path: String?, _ port: PortReference? = nil) -> RouteSpec {
        RouteSpec {
            $0.host = host
            $0.path = path
            $0.port = port
        }
    }

    @Test func `a route leads to the port it names, or to the first, and longer paths come first`() {
        let table = RouteTable([
            service("web", [route("a.example", "/"), route("a.example", "/api/v1", .name("admin"))]),
            service("all", [route(nil, nil, .number(81)), route("*.example", "/x/")]),
        ])
        #expect(
            table.entries.map { "\($0.pattern) \($0.key)" } == [
                "a.example/api/v1/ shop:web:admin", "*.example/x/ shop:all:http", "a.example/ shop:web:http",
                "*/ shop:all:admin",
            ])
        #expect(table.losses == [])
    }

    @Test func `of two Apps that claim one route the older has it, and the other is told`() {
        let table = RouteTable([
            service("young", [route("a.example", "/x")], created: 2),
            service("old", [route("a.example", "/x/")], created: 1),
            service("aaa", [route("b.example", nil)], created: 5),
            service("bbb", [route("b.example", "/")], created: 5),
        ])
        #expect(table.entries.map(\.key) == ["shop:old:http", "shop:aaa:http"])
        #expect(
            table.losses.map { "\($0.name) \($0.index): \($0.message)" } == [
                "bbb 0: the route of b.example / belongs to App shop/aaa, which is older; choose another host or path, or remove it there",
                "young 0: the route of a.example /x belongs to App shop/old, which is older; choose another host or path, or remove it there",
            ])
    }

    @Test func `a route without an HTTP port is told`() {
        let table = RouteTable([
            service("db", [route("a.example", nil)], protocol: .tcp),
            service("web", [route("b.example", nil, .name("nope"))]),
        ])
        #expect(table.entries == [])
        #expect(
            table.losses.map(\.message) == [
                "the route of a.example / leads to no HTTP port of the App; set port to one",
                "the route of b.example / leads to no HTTP port of the App; set port to one",
            ])
    }

    @Test func `certificates are wanted once each, by a name that is safe for a file`() {
        let secret = RouteSpec {
            $0.host = "a.example"
            $0.tls = RouteTLS { $0.secret = "tls" }
        }
        let other = RouteSpec {
            $0.host = "a.example"
            $0.path = "/b"
            $0.tls = RouteTLS { $0.secret = "tls" }
        }
        let selfSigned = RouteSpec {
            $0.host = "*.example"
            $0.tls = RouteTLS()
        }
        let table = EndpointTable(services: [service("web", [secret, other, selfSigned])])
        #expect(table.wantedCertificates.map(\.name) == ["self-signed_any.example", "shop_tls"])
        #expect(table.wantedCertificates.map(\.secret) == [nil, "tls"])
    }

    @Test(arguments: [
        (true, true, 2500, 2500), (true, false, 2500, 0), (false, true, 2500, 10_000), (false, false, 2500, 2500),
        (true, true, 20_000, 10_000),
    ])
    func `a share counts only where both sides have a pod that is ready`(
        current: Bool, next: Bool, share: Int, effective: Int
    ) {
        func endpoints(_ isReady: Bool) -> [Endpoint] {
            [Endpoint(podUID: "a", podName: "a", address: "10.0.0.1", port: 1, phase: isReady ? .ready : .draining)]
        }
        let port = ServicePort(
            name: "http", port: 80, current: endpoints(current), next: endpoints(next), nextShare: share)
        #expect(port.effectiveShare == effective)
    }
}
