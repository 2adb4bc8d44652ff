/// How many rows the log has and which: a digest of their positions that does not depend on the order.
///
/// A row never changes, and its own checksum protects what is in it; so two logs with the same set of positions are the same.
struct RowSet: Hashable {
    private(set) var count: UInt64 = 0
    private(set) var digest: UInt64 = 0

    init() {}

    init(count: UInt64, digest: UInt64) {
        self.count = count
        self.digest = digest
    }

    mutating func insert(_ position: Int64) {
        count += 1
        digest &+= Self.mixed(position)
    }

    mutating func remove(_ position: Int64) {
        count -= 1
        digest &-= Self.mixed(position)
    }

    /// Spreads a position over all bits (the finalizer of SplitMix64), so that sums of different sets differ.
    private static func mixed(_ position: Int64) -> UInt64 {
        var mixed = UInt64(bitPattern: position) &+ 0x9E37_79B9_7F4A_7C15
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}
