public import Model

/// Which virtual addresses Apps can have: those of a range without its first and its last, which mean the network itself and
/// everybody in it.
public struct VirtualAddressPlan: Hashable, Sendable {
    /// The range.
    public let range: CIDR

    /// Plans a range.
    ///
    /// - Throws: for a range without room, or with bits behind the prefix, which is more likely a slip than meant.
    public init(_ range: CIDR) throws(AddressError) {
        guard range.address == range.first else {
            throw AddressError(
                "service range \(range) has bits behind the prefix: did you mean \(range.first)/\(range.prefixLength)?")
        }
        guard range.prefixLength <= range.address.family.bitWidth - 2 else {
            throw AddressError(
                "service range \(range) is too small: at most /\(range.address.family.bitWidth - 2)")
        }
        self.range = range
    }

    /// How many Apps can have an address.
    public var capacity: UInt64 { UInt64(clamping: range.last.bits - range.first.bits) - 1 }

    /// Whether an App can have an address.
    public func includes(_ address: IPAddress) -> Bool {
        range.contains(address) && address != range.first && address != range.last
    }

    /// A free address for an App. The search begins at a place that follows from the App's name, so that one that is deleted and
    /// made again has, most of the time, the address that it had.
    ///
    /// - Parameters:
    ///   - count: how many addresses are taken.
    ///   - isTaken: whether an App has an address.
    /// - Returns: nil when all are taken.
    public func choose(for app: ObjectKey, taken count: Int, isTaken: (IPAddress) -> Bool) -> IPAddress? {
        let start = Fingerprint(app.namespace, app.name).value % capacity
        for step in 0..<min(capacity, UInt64(count) + 1) {
            let place = UInt128((start + step) % capacity)
            let address = IPAddress(family: range.address.family, bits: range.first.bits + 1 + place)
            if !isTaken(address) { return address }
        }
        return nil
    }
}

/// What the control plane can say of an App's virtual address.
public enum VirtualAddressOffer: Hashable, Sendable {
    /// No App has one: nothing would serve it.
    case none
    /// The App may keep the one that it has.
    case keep
    /// The App can have this one.
    case free(IPAddress)
    /// All addresses of the range are taken.
    case exhausted(CIDR)
}

/// A route that another App claims too, and has.
public struct LostRoute: Hashable, Sendable {
    /// The route.
    public var route: RouteKey
    /// The App that has it.
    public var owner: ObjectKey

    /// Makes a note of it.
    public init(route: RouteKey, owner: ObjectKey) {
        self.route = route
        self.owner = owner
    }
}
