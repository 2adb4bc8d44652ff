import Linux
import Testing

@testable import Network

@Suite struct ForwardingObstacleTests {
    private static let docker = """
        table ip filter {
        \tchain DOCKER {
        \t}
        \tchain FORWARD {
        \t\ttype filter hook forward priority filter; policy drop;
        \t}
        \tchain DOCKER-USER {
        \t}
        }
        table ip6 filter {
        \tchain FORWARD {
        \t\ttype filter hook forward priority filter; policy drop;
        \t}
        }
        """

    @Test func `a chain that drops what it does not know is told with what lets our packets through`() {
        #expect(
            ForwardingObstacle.parse(Self.docker, bridge: "martlet0") == [
                ForwardingObstacle(
                    family: "ip", table: "filter", chain: "FORWARD",
                    remedy: """
                        iptables -I DOCKER-USER -i martlet0 -j ACCEPT
                        iptables -I DOCKER-USER -o martlet0 -j ACCEPT
                        """)
            ])
    }

    @Test(arguments: [
        ("ip filter", "FORWARD", "iptables -I FORWARD -i martlet0 -j ACCEPT"),
        ("inet firewalld", "filter_FORWARD", "nft insert rule inet firewalld filter_FORWARD iifname martlet0 accept"),
    ])
    func `the remedy is in the words of whoever made the table`(table: String, chain: String, remedy: String) {
        let text = """
            table \(table) {
            \tchain \(chain) {
            \t\ttype filter hook forward priority filter + 10; policy drop;
            \t}
            }
            """
        let found = ForwardingObstacle.parse(text, bridge: "martlet0")
        #expect(found.first?.remedy.split(separator: "\n").first.map(String.init) == remedy)
    }

    @Test func `chains that accept, or drop only what comes in, are no obstacles`() {
        let text = Self.docker.split(separator: "\n").map { line in
            line.contains("policy") ? "\t\ttype filter hook input priority filter; policy drop;" : String(line)
        }
        #expect(ForwardingObstacle.parse(text.joined(separator: "\n"), bridge: "martlet0").isEmpty)
        #expect(
            ForwardingObstacle.parse(
                Self.docker.split(separator: "\n").map { $0.contains("policy") ? "" : String($0) }
                    .joined(separator: "\n"), bridge: "martlet0"
            ).isEmpty)
    }

    @Test(.enabled(if: isRoot)) func `the kernel's chains are looked at, and a rule for the bridge is an answer`()
        throws
    {
        let namespace = try TestNamespace()
        let filter = try PacketFilter(namespacePath: namespace.path)
        #expect(try ForwardingObstacle.find(bridge: "martlet0", namespacePath: namespace.path).isEmpty)
        try filter.run(
            "table inet office { chain through { type filter hook forward priority 0; policy drop; }; }")
        let found = try ForwardingObstacle.find(bridge: "martlet0", namespacePath: namespace.path)
        #expect(found.map(\.chain) == ["through"])
        for command in found.flatMap({ $0.remedy.split(separator: "\n") }) {
            try filter.run(String(command.dropFirst("nft ".count)))
        }
        #expect(try ForwardingObstacle.find(bridge: "martlet0", namespacePath: namespace.path).isEmpty)
    }
}
