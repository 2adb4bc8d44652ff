public import Model

/// Who has which address in a node's range: the first after the network's own is the bridge's, the last is for broadcast, and
/// those between are the pods'.
public struct PodAddressPlan: Sendable, Hashable {
    /// The node's range.
    public let range: CIDR

    /// Plans a range.
    ///
    /// - Throws: `invalid` for a range without room for pods, or one whose bits behind the prefix are set, which is
    ///   more likely a slip than meant.
    public init(cidr: CIDR) throws(NetworkError) {
        guard cidr.prefixLength <= cidr.address.family.bitWidth - 3 else {
            throw .invalid("pod range \(cidr) is too small: at most /\(cidr.address.family.bitWidth - 3)")
        }
        guard cidr.address == cidr.first else {
            throw .invalid(
                "pod range \(cidr) has bits behind the prefix: did you mean \(cidr.first)/\(cidr.prefixLength)?")
        }
        range = cidr
    }

    /// Plans a range given as `10.1.0.0/16`.
    public init(cidr: String) throws(NetworkError) { try self.init(cidr: try CIDR(cidr)) }

    /// The bridge's address, which is the pods' gateway.
    public var bridgeAddress: IPAddress { offset(1) }

    /// How many pods can have an address.
    public var capacity: UInt64 { UInt64(truncatingIfNeeded: range.last.bits - range.first.bits) - 2 }

    /// The address of a place, from 0 to below `capacity`; nil beyond.
    public func address(at place: UInt64) -> IPAddress? { place < capacity ? offset(UInt128(place) + 2) : nil }

    /// Whether an address is a pod's.
    public func isPodAddress(_ address: IPAddress) -> Bool {
        range.contains(address) && address > bridgeAddress && address < range.last
    }

    /// The next free address behind another one, going round: an address that was just given back is used again as late
    /// as possible. Nil when all are in use.
    public func nextFree(used: Set<IPAddress>, after: IPAddress? = nil) -> IPAddress? {
        let start = after.flatMap { isPodAddress($0) ? UInt64($0.bits - range.first.bits) - 1 : nil } ?? 0
        // One of the first `used.count + 1` places is free, if any is.
        for step in 0..<min(capacity, UInt64(used.count) + 1) {
            if let candidate = address(at: (start + step) % capacity), !used.contains(candidate) { return candidate }
        }
        return nil
    }

    private func offset(_ count: UInt128) -> IPAddress {
        IPAddress(family: range.address.family, bits: range.first.bits + count)
    }
}
