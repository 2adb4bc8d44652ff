import ControlPlane
import Controllers
import Model
import Store
import Testing

/// What only one App at a time can have: an address, a route.
struct ClaimTests {
    private func cluster(_ range: String = "10.78.0.0/16") throws -> Cluster {
        let plan = try VirtualAddressPlan(CIDR(parsing: range))
        let cluster = Cluster { $0.virtualAddresses = plan }
        try cluster.store.put(makeNode())
        cluster.settle()
        return cluster
    }

    private func app(_ name: String, age: Int64, host: String? = nil) -> App {
        var app = makeApp(0)
        (app.metadata.name, app.metadata.uid) = (name, "uid-\(name)")
        app.metadata.creationTimestamp = start + .seconds(-age)
        app.spec.ports = [AppPort { ($0.name, $0.port) = ("http", 8080) }]
        if let host { app.spec.routes = [RouteSpec { ($0.host, $0.path) = (host, "/") }] }
        return app
    }

    private func status(_ name: String, _ cluster: Cluster) throws -> AppStatus? {
        let stored = try cluster.store.all(App.self).first { $0.name == name }
        return stored?.status
    }

    @Test func `every App with ports has an address of its own, and keeps it`() throws {
        let cluster = try cluster()
        for number in 0..<20 { try cluster.store.put(app("app-\(number)", age: 0)) }
        var portless = app("portless", age: 0)
        portless.spec.ports = []
        try cluster.store.put(portless)
        cluster.settle()
        let before = try cluster.store.all(App.self).map { $0.status?.virtualAddress }
        #expect(Set(before.compactMap { $0 }).count == 20 && before.count == 21)
        try cluster.store.edit(ObjectKey(.app, namespace: "default", name: "app-3")) { (app: inout App) in
            app.spec.env = ["A": .value("b")]
        }
        cluster.settle()
        #expect(try cluster.store.all(App.self).map { $0.status?.virtualAddress } == before)
    }

    @Test func `of two Apps with one address the older keeps it`() throws {
        let cluster = try cluster()
        for (name, age) in [("old", Int64(60)), ("young", 10)] {
            var app = app(name, age: age)
            app.status = AppStatus { $0.virtualAddress = "10.78.0.5" }
            try cluster.store.put(app)
        }
        cluster.settle()
        #expect(try status("old", cluster)?.virtualAddress == "10.78.0.5")
        let other = try #require(try status("young", cluster)?.virtualAddress)
        #expect(other != "10.78.0.5")
    }

    @Test func `who finds no address says so, and has one when an App goes`() throws {
        let cluster = try cluster("10.78.0.0/30")
        for (number, name) in ["one", "two", "three"].enumerated() {
            try cluster.store.put(app(name, age: Int64(60 - number)))
            cluster.settle()
        }
        #expect(try status("three", cluster)?.conditions["Routed"]?.reason == "AddressesExhausted")
        try cluster.store.delete(ObjectKey(.app, namespace: "default", name: "one"))
        cluster.settle()
        #expect(try status("three", cluster)?.virtualAddress != nil)
        #expect(try status("three", cluster)?.conditions["Routed"]?.status == "True")
    }

    @Test func `a route belongs to the older App, and passes on when that one lets go`() throws {
        let cluster = try cluster()
        try cluster.store.put(app("young", age: 10, host: "shop.example.com"))
        cluster.settle()
        #expect(try status("young", cluster)?.conditions["Routed"]?.status == "True")
        try cluster.store.put(app("old", age: 60, host: "SHOP.example.com"))
        cluster.settle()
        #expect(try status("old", cluster)?.conditions["Routed"]?.status == "True")
        let lost = try status("young", cluster)?.conditions["Routed"]
        #expect(
            lost?.reason == "RouteTaken" && lost?.message?.contains("default/old") == true, "\(lost?.message ?? "")")
        try cluster.store.edit(ObjectKey(.app, namespace: "default", name: "old")) { (app: inout App) in
            app.spec.routes = []
        }
        cluster.settle()
        #expect(try status("young", cluster)?.conditions["Routed"]?.status == "True")
    }
}
