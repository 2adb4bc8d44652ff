import DataPlane
import Glibc
import Linux
import Network

/// What `martlet doctor` says of a machine's network.
struct NetworkExamination {
    /// The bridge that pods are connected to.
    let bridge: String

    var findings: [Finding] { filters + programs }

    /// Whether there is a packet filter, and whether somebody's rules take pods' packets.
    private var filters: [Finding] {
        let name = "nftables"
        guard geteuid() == 0 else { return [Finding(name: name, verdict: .warns, found: "only root can look")] }
        do {
            let obstacles = try ForwardingObstacle.find(bridge: bridge)
            return [Finding(name: name, verdict: .holds, found: "there")] + obstacles.map(Self.finding)
        } catch {
            return [
                Finding(
                    name: name, verdict: .fails, found: "\(error)",
                    remedy: "use a kernel built with CONFIG_NF_TABLES, CONFIG_NF_TABLES_INET and CONFIG_NFT_NAT")
            ]
        }
    }

    static func finding(_ obstacle: ForwardingObstacle) -> Finding {
        Finding(
            name: "forwarding", verdict: .fails,
            found: "chain \(obstacle.chain) of table \(obstacle.family) \(obstacle.table) drops what pods send and get",
            remedy: obstacle.remedy.split(separator: "\n").joined(separator: " && "))
    }

    /// What carries requests is run by Martlet, and comes from the system's packages.
    private var programs: [Finding] {
        [
            ("haproxy", HAProxyOptions.defaultExecutable, "Apps have no virtual addresses, names or routes", "haproxy"),
            ("dnsmasq", NameServer.defaultExecutable, "Apps have no names in pods", "dnsmasq-base"),
        ].map { name, path, loss, package in
            access(path, X_OK) == 0
                ? Finding(name: name, verdict: .holds, found: path)
                : Finding(
                    name: name, verdict: .warns, found: "not there; \(loss)", remedy: "apt-get install \(package)")
        }
    }
}
