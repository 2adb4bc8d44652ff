public import Model

/// The configuration of the node's dnsmasq(8).
public struct NameServerConfiguration: Sendable, Hashable {
    /// The address that it answers on, and no other.
    public var address: IPAddress
    /// The ranges whose addresses have names of ours or none: those of pods and of virtual addresses.
    public var ranges: [CIDR]
    /// The folder whose files have the names; it is watched.
    public var hostsDirectory: String
    /// The file that names the servers for everything else; it is watched too. Those on loopback addresses are reached, because
    /// the server is in the node's network; an address of its own in it is left out.
    public var upstream = "/etc/resolv.conf"
    /// The service records: see `Names`.
    public var serviceRecords = ""

    /// Describes a server without service records.
    public init(address: IPAddress, ranges: [CIDR], hostsDirectory: String) {
        self.address = address
        self.ranges = ranges
        self.hostsDirectory = hostsDirectory
    }

    /// The file's text.
    public var text: String {
        let zones = [Names.zone, "svc"] + ranges.flatMap(Self.reverseZones)
        return """
            keep-in-foreground
            log-facility=-
            pid-file=
            listen-address=\(address)
            bind-interfaces
            no-hosts
            hostsdir=\(hostsDirectory)
            resolv-file=\(upstream)
            local=/\(zones.joined(separator: "/"))/
            domain-needed
            dns-loop-detect
            local-ttl=\(Names.timeToLive)
            cache-size=2000
            dns-forward-max=1000
            \(serviceRecords)
            """
    }

    /// The zones of the reverse names of a range, RFC 1035 section 3.5: as many as it takes with whole bytes.
    static func reverseZones(_ range: CIDR) -> [String] {
        let labels = max(1, (range.prefixLength + 7) / 8)
        let count = 1 << (labels * 8 - range.prefixLength)
        let step = UInt128(1) << UInt128(32 - labels * 8)
        return (0..<count).map { index in
            let address = IPAddress(family: range.address.family, bits: range.first.bits + UInt128(index) * step)
            return address.bytes.prefix(labels).reversed().map(String.init).joined(separator: ".") + ".in-addr.arpa"
        }
    }
}
