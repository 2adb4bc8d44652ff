import Model
import Network
import Proxy
import Testing

@testable import Agent

struct EndpointBookTests {
    private func app(_ name: String = "web", _ build: (inout App) -> Void = { _ in }) -> App {
        App { app in
            (app.metadata.name, app.metadata.namespace, app.metadata.uid) = (name, "shop", "uid-\(name)")
            app.spec.ports = [AppPort { ($0.name, $0.port) = ("http", 8080) }]
            app.status = AppStatus { $0.virtualAddress = "10.78.0.5" }
            build(&app)
        }
    }

    private func pod(
        _ uid: String, ready: Bool = true, of app: String = "web", _ build: (inout Pod) -> Void = { _ in }
    ) -> Pod {
        Pod { pod in
            (pod.metadata.name, pod.metadata.namespace, pod.metadata.uid) = ("pod-\(uid)", "shop", uid)
            pod.metadata.labels = ["martlet.dev/app": app, "martlet.dev/revision": "\(app)-1"]
            pod.status = PodStatus {
                $0.podIP = "10.77.0.\(uid)"
                $0.conditions = [Condition("Ready", ready, reason: "Test", message: "")]
            }
            build(&pod)
        }
    }

    private func book(_ apps: [App], _ pods: [Pod]) -> EndpointBook {
        var book = EndpointBook()
        book.list(apps)
        book.list(pods)
        return book
    }

    private func phases(_ book: EndpointBook) -> [String: Endpoint.Phase] {
        let endpoints = book.services.flatMap(\.ports).flatMap(\.current)
        return Dictionary(endpoints.map { ($0.podUID, $0.phase) }) { first, _ in first }
    }

    @Test func `nothing is told before both lists are there`() {
        var book = EndpointBook()
        #expect(!book.isComplete)
        book.list([app()])
        #expect(!book.isComplete)
        book.list([pod("2")])
        #expect(book.isComplete)
    }

    @Test func `a ready pod serves every port of its App`() throws {
        let web = app {
            $0.spec.ports.append(AppPort { ($0.name, $0.port, $0.protocol) = ("rpc", 9000, "HTTP2") })
            $0.spec.routes = [RouteSpec { $0.host = "shop.example.com" }]
        }
        let service = try #require(book([web], [pod("2"), pod("3", of: "other")]).services.first)
        #expect(service.reference == "shop/web" && service.virtualAddress == "10.78.0.5")
        #expect(service.ports.map(\.protocol) == [.http, .http2])
        #expect(service.ports.map { $0.current.map(\.address) } == [["10.77.0.2"], ["10.77.0.2"]])
        #expect(service.ports.map { $0.current.map(\.port) } == [[8080], [9000]])
        #expect(service.ports[0].current[0].revision == "web-1")
        #expect(service.routes.map(\.host) == ["shop.example.com"])
    }

    @Test func `a pod gets requests while it is ready, keeps those that it has, and one that never was ready has none`()
    {
        var book = book([app()], [pod("2", ready: false), pod("3")])
        #expect(phases(book) == ["3": .ready])
        book.put(pod("2"))
        #expect(phases(book) == ["2": .ready, "3": .ready])
        book.put(pod("3", ready: false))
        #expect(phases(book) == ["2": .ready, "3": .draining])
        book.put(pod("3"))
        #expect(phases(book) == ["2": .ready, "3": .ready])
        book.put(pod("3") { $0.metadata.deletionTimestamp = Timestamp(seconds: 1) })
        #expect(phases(book) == ["2": .ready, "3": .draining])
        book.remove(podUID: "3")
        #expect(phases(book) == ["2": .ready])
    }

    @Test func `a pod that this node is about to stop drains although the API calls it ready`() {
        var book = book([app()], [pod("2"), pod("3")])
        book.drain(podUID: "2")
        book.put(pod("2"))
        #expect(phases(book) == ["2": .draining, "3": .ready])
        book.list([pod("3")])
        book.put(pod("2"))
        #expect(
            phases(book) == ["2": .ready, "3": .ready],
            "another pod may not have its identity, so nothing is remembered of it")
    }

    @Test func `what the agent knows of its own pods goes before what the API has heard by then`() {
        var book = book([app()], [pod("2", ready: false), pod("3")])
        book.note(own: pod("2"), isReady: true)
        book.put(pod("2", ready: false) { $0.status?.podIP = nil })
        #expect(phases(book) == ["2": .ready, "3": .ready])
        book.note(own: pod("2"), isReady: false)
        book.put(pod("2"))
        #expect(phases(book) == ["2": .draining, "3": .ready])
    }

    @Test func `the last pod that is ready serves until another one is, or the API says that it stops`() {
        var book = book([app()], [pod("2"), pod("3", ready: false)])
        book.drain(podUID: "2")
        #expect(phases(book) == ["2": .ready])
        var stopped = book
        stopped.put(pod("2") { $0.metadata.deletionTimestamp = Timestamp(seconds: 1) })
        #expect(phases(stopped) == ["2": .draining])
        book.put(pod("3"))
        #expect(phases(book) == ["2": .draining, "3": .ready])
    }

    @Test func `what is missing from a list is gone`() {
        var book = book([app(), app("old")], [pod("2"), pod("3")])
        book.list([app()])
        book.list([pod("3")])
        #expect(book.services.map(\.name) == ["web"])
        #expect(phases(book) == ["3": .ready])
    }

    @Test(arguments: ["no address", "no App"])
    func `what cannot be reached or belongs to nobody serves nobody`(why: String) {
        let pod = pod("2") { pod in
            if why == "no address" { pod.status?.podIP = nil } else { pod.metadata.labels = [:] }
        }
        #expect(phases(book([app()], [pod])) == [:])
    }

    @Test func `names lead to virtual addresses, and of Apps without ports to their ready pods`() throws {
        let headless = app("db") {
            $0.spec.ports = []
            $0.status = nil
        }
        let names = book([app(), headless], [pod("2", of: "db"), pod("3", ready: false, of: "db"), pod("4")]).names
        #expect(names.apps.map(\.name) == ["db", "web"])
        #expect(names.apps.map { $0.addresses.map(\.description) } == [["10.77.0.2"], ["10.78.0.5"]])
        #expect(names.apps[1].ports == [AppName.Port(name: "http", number: 8080)])
    }

    @Test func `UDP ports are spread over ready pods by the packet filter`() throws {
        let dns = app { $0.spec.ports = [AppPort { ($0.name, $0.port, $0.protocol) = ("dns", 53, "UDP") }] }
        var book = book([dns, app("web2")], [pod("2"), pod("3")])
        book.put(pod("3", ready: false))
        let address = try IPAddress(parsing: "10.78.0.5")
        let target = Destination(try IPAddress(parsing: "10.77.0.2"), 53)
        #expect(book.services.udpServices == [UDPService(Destination(address, 53), endpoints: [target])])
        #expect(book.virtualAddresses == [address])
    }
}
