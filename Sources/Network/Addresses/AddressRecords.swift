import Linux
import Model

/// Which pod has which address, in files that outlive the agent: one a pod in `network/`, named by its UID, with the address and
/// the node's ports that lead to it; and one an address in `resting/` that was given back lately.
///
/// Not safe for use by several threads; `NodeNetwork` holds it in a lock.
struct AddressRecords {
    /// How long an address that was given back is given to nobody: longer than what others may still remember of it lasts,
    /// see docs/networking.md.
    static let rest = TimeSpan.seconds(30)

    private let directory: String
    private let restingDirectory: String
    /// The time since the machine started: a wall clock that is set would end a rest early or late.
    private let clock: @Sendable () -> TimeSpan
    /// What the pods have.
    private(set) var records: [String: AddressRecord] = [:]
    /// When the addresses that rest were given back.
    private(set) var resting: [IPAddress: TimeSpan] = [:]
    /// The address that was given last.
    private var last: IPAddress?

    /// Reads what is there. Temporary files, left by a crash during a write, are removed: that pod has no address yet.
    init(
        directory: String, restingDirectory: String, clock: @escaping @Sendable () -> TimeSpan
    ) throws(NetworkError) {
        self.directory = directory
        self.restingDirectory = restingDirectory
        self.clock = clock
        for (name, text) in try Self.files(directory) { records[name] = try AddressRecord(text, file: name) }
        for (name, text) in try Self.files(restingDirectory) {
            guard let address = try? IPAddress(name), let released = Int64(text) else {
                throw .invalid("bad record \(restingDirectory)/\(name): \(text)")
            }
            resting[address] = TimeSpan(nanoseconds: released)
        }
    }

    /// The pods' addresses.
    var addresses: [String: IPAddress] { records.mapValues(\.address) }

    /// The node's ports that lead to pods, in the order of their numbers.
    var hostPorts: [NodeFilter.Target] {
        records.values.flatMap { record in
            record.hostPorts.map { NodeFilter.Target(port: $0, address: record.address) }
        }.sorted { ($0.port.port, $0.port.transport) < ($1.port.port, $1.port.transport) }
    }

    /// A pod's record: the one that it has, or one with a free address, which is written down before it is returned.
    ///
    /// - Throws: `exhausted`; `invalid` for a wanted address that is not free or not a pod's; `conflict` for a port of the
    ///   node that another pod has.
    mutating func allocate(
        podUID: String, wanted: IPAddress? = nil, hostPorts: [HostPort] = [], plan: PodAddressPlan
    ) throws(NetworkError) -> AddressRecord {
        try Self.check(podUID: podUID)
        let own = records[podUID].flatMap { plan.isPodAddress($0.address) ? $0.address : nil }
        if let own, let wanted, own != wanted {
            throw .invalid("pod \(podUID) has address \(own), not the one asked for")
        }
        try refuseTaken(hostPorts, by: podUID)
        let address: IPAddress
        if let own { address = own } else { address = try free(wanted, plan) }
        let record = AddressRecord(address: address, hostPorts: hostPorts)
        if records[podUID] == record { return record }
        try system { () throws(LinuxError) in try writeDurably("\(directory)/\(podUID)", text: record.text) }
        records[podUID] = record
        last = address
        return record
    }

    /// Gives a pod's address back, and has it rest; nothing happens when it has none.
    mutating func release(podUID: String) throws(NetworkError) {
        try Self.check(podUID: podUID)
        guard let record = records[podUID] else { return }
        let now = clock()
        try forgetRested(now)
        try system { () throws(LinuxError) in
            // In this order: after a crash between the two the pod has its address still, and gives it back again.
            try writeDurably("\(restingDirectory)/\(record.address)", text: "\(now.nanoseconds)\n")
            try removeDurably("\(directory)/\(podUID)")
        }
        resting[record.address] = now
        records[podUID] = nil
    }

    private mutating func free(_ wanted: IPAddress?, _ plan: PodAddressPlan) throws(NetworkError) -> IPAddress {
        let now = clock()
        try forgetRested(now)
        let used = Set(records.values.map(\.address))
        if let wanted {
            guard plan.isPodAddress(wanted), !used.contains(wanted) else {
                throw .invalid("address \(wanted) is in use or not a pod's address of \(plan.range)")
            }
            guard let released = resting[wanted] else { return wanted }
            throw .invalid("address \(wanted) was in use until lately, free in \(Self.wait(released, now))")
        }
        if let address = plan.nextFree(used: used.union(resting.keys), after: last) { return address }
        let inRange = resting.filter { plan.isPodAddress($0.key) && !used.contains($0.key) }
        throw .exhausted(
            plan.range, resting: inRange.count, nextFree: inRange.values.min().map { Self.wait($0, now) })
    }

    /// Ends the rest of addresses whose time is over. One that was given back later than now was so before the machine started
    /// anew, and nobody remembers it.
    private mutating func forgetRested(_ now: TimeSpan) throws(NetworkError) {
        for (address, released) in resting where released > now || Self.left(released, now) <= .zero {
            try system { () throws(LinuxError) in try removeDurably("\(restingDirectory)/\(address)") }
            resting[address] = nil
        }
    }

    private static func left(_ released: TimeSpan, _ now: TimeSpan) -> TimeSpan { released + rest - now }

    /// What is left in whole seconds, rounded up: for people.
    private static func wait(_ released: TimeSpan, _ now: TimeSpan) -> TimeSpan {
        .seconds((left(released, now) + TimeSpan(nanoseconds: 999_999_999)).wholeSeconds)
    }

    private func refuseTaken(_ hostPorts: [HostPort], by podUID: String) throws(NetworkError) {
        for port in hostPorts {
            for (other, record) in records where other != podUID {
                guard record.hostPorts.contains(where: { $0.isSameOnNode(as: port) }) else { continue }
                throw .conflict("port \(port.port)/\(port.transport) of the node is taken by pod \(other)")
            }
        }
    }

    /// The files in a directory, without white space at their ends.
    private static func files(_ directory: String) throws(NetworkError) -> [(name: String, text: String)] {
        try system { () throws(LinuxError) in
            try makeDirectories(directory, mode: 0o700)
            var result: [(name: String, text: String)] = []
            for name in try listDirectory(directory) {
                let path = "\(directory)/\(name)"
                if name.hasSuffix(temporarySuffix) {
                    try removeDurably(path)
                    continue
                }
                var text = try readText(path, limit: 64 << 10)
                while text.last?.isWhitespace == true { text.removeLast() }
                result.append((name, text))
            }
            return result
        }
    }

    private static let temporarySuffix = ".tmp"

    /// Refuses what is not a plain file name.
    static func check(podUID: String) throws(NetworkError) {
        let plain = podUID.utf8.allSatisfy {
            (0x30...0x39).contains($0) || (0x41...0x5A).contains($0) || (0x61...0x7A).contains($0) || $0 == 0x2D
        }
        guard plain, (1...128).contains(podUID.utf8.count) else { throw .invalid("bad pod UID \(podUID)") }
    }
}

/// What one pod has of the node's network.
struct AddressRecord: Sendable, Hashable {
    /// The pod's address.
    var address: IPAddress
    /// The node's ports that lead to the pod.
    var hostPorts: [HostPort] = []

    /// The file's text: the address, and a line for each port.
    var text: String {
        ([address.description] + hostPorts.map { "port \($0.transport) \($0.port) \($0.podPort)" }).map { $0 + "\n" }
            .joined()
    }

    init(address: IPAddress, hostPorts: [HostPort] = []) {
        self.address = address
        self.hostPorts = hostPorts
    }

    /// Reads a file's text.
    init(_ text: String, file: String) throws(NetworkError) {
        let lines = text.split(separator: "\n")
        address = try IPAddress(String(lines.first ?? ""))
        for line in lines.dropFirst() {
            let words = line.split(separator: " ")
            guard words.count == 4, words[0] == "port", let transport = Transport(rawValue: String(words[1])),
                let port = UInt16(words[2]), let podPort = UInt16(words[3])
            else { throw .invalid("bad address record \(file): \(line)") }
            hostPorts.append(HostPort(transport, port, podPort: podPort))
        }
    }
}
