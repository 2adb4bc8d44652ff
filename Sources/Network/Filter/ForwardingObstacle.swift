public import Linux

/// A chain of somebody else's that drops whatever it does not know of the packets that go through the node: Docker sets its own so.
/// A packet has to be let through by every table, so that no rule of ours can help.
public struct ForwardingObstacle: Sendable, Hashable {
    /// The table's family: `ip`.
    public var family: String
    /// The table.
    public var table: String
    /// The chain.
    public var chain: String
    /// The commands, one a line, that let packets of a bridge through.
    public var remedy: String

    /// What drops packets of a bridge in a network namespace. A table that names the bridge is taken to let it through.
    ///
    /// - Throws: what the kernel or libnftables says, where there is no packet filter.
    public static func find(
        bridge: String, namespacePath: String = "/proc/self/ns/net"
    ) throws(LinuxError) -> [ForwardingObstacle] {
        let filter = try PacketFilter(namespacePath: namespacePath)
        var found: [ForwardingObstacle] = []
        for obstacle in parse(try filter.run("list chains"), bridge: bridge) {
            let table = try filter.run("list table \(obstacle.family) \(obstacle.table)")
            if !table.contains("\"\(bridge)\"") { found.append(obstacle) }
        }
        return found
    }

    /// Reads what `nft list chains` prints.
    static func parse(_ text: String, bridge: String) -> [ForwardingObstacle] {
        var found: [ForwardingObstacle] = []
        var chains: Set<String> = []
        var (family, table, chain) = ("", "", "")
        for line in text.split(separator: "\n") {
            let words = line.split(whereSeparator: \.isWhitespace).map(String.init)
            if words.count >= 3, words[0] == "table" { (family, table) = (words[1], words[2]) }
            if words.count >= 2, words[0] == "chain" {
                chain = words[1]
                chains.insert("\(family) \(table) \(chain)")
            }
            let isIPv4 = family == "ip" || family == "inet"
            guard isIPv4, line.contains("hook forward"), line.contains("policy drop") else { continue }
            found.append(ForwardingObstacle(family: family, table: table, chain: chain, remedy: ""))
        }
        for index in found.indices { found[index].remedy = found[index].remedy(bridge, chains) }
        return found
    }

    private func remedy(_ bridge: String, _ chains: Set<String>) -> String {
        let isIPTables = family == "ip" && table == "filter" && chain == "FORWARD"
        let target = chains.contains("ip filter DOCKER-USER") ? "DOCKER-USER" : chain
        return [("i", "iifname"), ("o", "oifname")].map { option, match in
            isIPTables
                ? "iptables -I \(target) -\(option) \(bridge) -j ACCEPT"
                : "nft insert rule \(family) \(table) \(chain) \(match) \(bridge) accept"
        }.joined(separator: "\n")
    }
}
