import Linux

/// Which pod has which address, in files that outlive the agent: one a pod, named by its UID, with the address in it.
/// Not safe for use by several threads; `NodeNetwork` holds it in a lock.
struct AddressRecords {
    private let directory: String
    /// The pods' addresses.
    private(set) var addresses: [String: IPAddress] = [:]
    /// The address that was given last.
    private var last: IPAddress?

    /// Reads what is there. Temporary files, left by a crash during a write, are removed: that pod has no address yet.
    init(directory: String) throws(NetworkError) {
        self.directory = directory
        let names = try system { () throws(LinuxError) in
            try makeDirectories(directory, mode: 0o700)
            return try listDirectory(directory)
        }
        for name in names {
            let path = "\(directory)/\(name)"
            if name.hasSuffix(Self.temporarySuffix) {
                try system { () throws(LinuxError) in try removeDurably(path) }
                continue
            }
            var text = try system { () throws(LinuxError) in try readText(path, limit: 4096) }
            while text.last?.isWhitespace == true { text.removeLast() }
            addresses[name] = try IPAddress(text)
        }
    }

    /// A pod's address: the one that it has, or a free one, which is recorded before it is returned.
    ///
    /// - Throws: `exhausted`; `invalid` for a wanted address that is not free or not a pod's.
    mutating func allocate(
        podUID: String, wanted: IPAddress?, plan: PodAddressPlan
    ) throws(NetworkError) -> IPAddress {
        try Self.check(podUID: podUID)
        if let own = addresses[podUID], plan.isPodAddress(own) {
            guard wanted == nil || wanted == own else {
                throw .invalid("pod \(podUID) has address \(own), not the one asked for")
            }
            return own
        }
        let used = Set(addresses.values)
        guard let address = wanted ?? plan.nextFree(used: used, after: last) else { throw .exhausted(plan.range) }
        guard plan.isPodAddress(address), !used.contains(address) else {
            throw .invalid("address \(address) is in use or not a pod's address of \(plan.range)")
        }
        let path = "\(directory)/\(podUID)"
        try system { () throws(LinuxError) in try writeDurably(path, text: "\(address)\n") }
        addresses[podUID] = address
        last = address
        return address
    }

    /// Gives a pod's address back; nothing happens when it has none.
    mutating func release(podUID: String) throws(NetworkError) {
        try Self.check(podUID: podUID)
        let path = "\(directory)/\(podUID)"
        try system { () throws(LinuxError) in try removeDurably(path) }
        addresses[podUID] = nil
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
