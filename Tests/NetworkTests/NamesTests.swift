import Model
import Testing

@testable import Network

@Suite struct NamesTests {
    private let names: Names

    init() throws {
        names = Names([
            AppName(
                namespace: "shop", name: "web", addresses: [try IPAddress("10.78.0.5")],
                ports: [
                    .init(name: "metrics", number: 9090), .init(name: "http", number: 80),
                    .init(name: "dns", transport: .udp, number: 53),
                ]),
            AppName(
                namespace: "data", name: "db", addresses: [try IPAddress("10.77.0.9"), try IPAddress("10.77.0.8")]),
            AppName(namespace: "data", name: "idle", addresses: [], ports: [.init(name: "http", number: 80)]),
            AppName(namespace: "data", name: "x\nserver=192.0.2.1", addresses: [try IPAddress("10.77.0.7")]),
        ])
    }

    @Test func `an App's name stands for its virtual address, or for its ready pods'`() {
        #expect(
            names.hosts == """
                10.77.0.8 db.data.svc.cluster.local db.data.svc
                10.77.0.9 db.data.svc.cluster.local db.data.svc
                10.78.0.5 web.shop.svc.cluster.local web.shop.svc

                """)
    }

    @Test func `named ports have service records`() {
        #expect(
            names.serviceRecords == """
                srv-host=_dns._udp.web.shop.svc.cluster.local,web.shop.svc.cluster.local,53,0,100
                srv-host=_http._tcp.web.shop.svc.cluster.local,web.shop.svc.cluster.local,80,0,100
                srv-host=_metrics._tcp.web.shop.svc.cluster.local,web.shop.svc.cluster.local,9090,0,100

                """)
    }

    @Test func `the texts do not depend on the order in which Apps are told`() {
        #expect(Names(names.apps.reversed()) == names)
    }

    @Test func `a pod looks for its own namespace's Apps first and sends the outside's names as they are`() throws {
        let text = Names.resolverConfiguration(namespace: "shop", server: try IPAddress("10.77.0.1"))
        #expect(
            text == """
                nameserver 10.77.0.1
                search shop.svc.cluster.local svc.cluster.local
                options ndots:2 timeout:2 attempts:3

                """)
    }

    @Test(arguments: [
        ("10.77.0.0/16", ["77.10.in-addr.arpa"]), ("10.9.8.0/24", ["8.9.10.in-addr.arpa"]),
        ("10.9.8.0/23", ["8.9.10.in-addr.arpa", "9.9.10.in-addr.arpa"]),
        ("10.9.8.6/31", ["6.8.9.10.in-addr.arpa", "7.8.9.10.in-addr.arpa"]), ("10.0.0.0/8", ["10.in-addr.arpa"]),
        ("10.0.0.0/7", ["10.in-addr.arpa", "11.in-addr.arpa"]),
    ])
    func `a range's reverse names are ours`(range: String, zones: [String]) throws {
        #expect(NameServerConfiguration.reverseZones(try CIDR(range)) == zones)
    }

    @Test func `the server answers on one address and forwards nothing of ours`() throws {
        var configuration = NameServerConfiguration(
            address: try IPAddress("10.77.0.1"), ranges: [try CIDR("10.77.0.0/16"), try CIDR("10.78.0.0/16")],
            hostsDirectory: "/run/martlet/dns/hosts")
        configuration.serviceRecords = names.serviceRecords
        let lines = configuration.text.split(separator: "\n")
        #expect(lines.contains("listen-address=10.77.0.1"))
        #expect(lines.contains("bind-interfaces"))
        #expect(lines.contains("local=/cluster.local/svc/77.10.in-addr.arpa/78.10.in-addr.arpa/"))
        #expect(lines.last?.hasPrefix("srv-host=_metrics") == true)
    }
}
