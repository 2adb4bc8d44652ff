/// Why a text is not an address or a range.
public struct AddressError: Error, Sendable, Hashable, CustomStringConvertible {
    /// A sentence without a full stop.
    public var description: String

    /// Makes an error out of its sentence.
    public init(_ description: String) { self.description = description }
}

/// The version of the Internet Protocol that an address belongs to.
public enum AddressFamily: Sendable, Hashable {
    /// IPv4, RFC 791.
    case ipv4

    /// How many bits an address has.
    public var bitWidth: Int {
        switch self {
        case .ipv4: 32
        }
    }
}

/// An address of the Internet Protocol.
public struct IPAddress: Sendable, Hashable, Comparable, CustomStringConvertible {
    /// The version of the protocol.
    public let family: AddressFamily
    /// The address as a number, the first byte of its text being the highest.
    public let bits: UInt128

    /// Makes an address out of its number; bits that the family has not are dropped.
    public init(family: AddressFamily, bits: UInt128) {
        self.family = family
        self.bits = bits & (~0 >> UInt128(128 - family.bitWidth))
    }

    /// Reads `10.1.2.3`: four decimal numbers up to 255 without leading zeros, which some programs take for octal.
    ///
    /// - Throws: what is wrong with anything else.
    public init(parsing text: String) throws(AddressError) {
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        var bits: UInt128 = 0
        for part in parts {
            guard part.utf8.allSatisfy({ (0x30...0x39).contains($0) }), let byte = UInt8(part),
                part.count == 1 || part.first != "0"
            else { throw AddressError("bad IPv4 address \(text)") }
            bits = bits << 8 | UInt128(byte)
        }
        guard parts.count == 4 else { throw AddressError("bad IPv4 address \(text)") }
        self.init(family: .ipv4, bits: bits)
    }

    /// Makes an address out of its bytes on the wire; nil when they are too few or too many for any family.
    public init?(bytes: [UInt8]) {
        guard bytes.count == 4 else { return nil }
        self.init(family: .ipv4, bits: bytes.reduce(0) { $0 << 8 | UInt128($1) })
    }

    /// The bytes on the wire, the highest first.
    public var bytes: [UInt8] {
        stride(from: family.bitWidth - 8, through: 0, by: -8).map { UInt8(truncatingIfNeeded: bits >> UInt128($0)) }
    }

    /// `10.1.2.3`.
    public var description: String {
        switch family {
        case .ipv4: bytes.map(String.init).joined(separator: ".")
        }
    }

    /// The order of the numbers.
    public static func < (left: IPAddress, right: IPAddress) -> Bool { left.bits < right.bits }
}

/// A range of addresses with a common beginning, or an address with the length of its network's part: RFC 4632.
public struct CIDR: Sendable, Hashable, CustomStringConvertible {
    /// The address; its bits behind the prefix may be set.
    public let address: IPAddress
    /// How many leading bits the range's addresses share.
    public let prefixLength: Int

    /// Makes a range.
    ///
    /// - Throws: for a length that the family has not.
    public init(_ address: IPAddress, length prefixLength: Int) throws(AddressError) {
        guard (0...address.family.bitWidth).contains(prefixLength) else {
            throw AddressError("bad prefix length \(prefixLength) of \(address)")
        }
        self.address = address
        self.prefixLength = prefixLength
    }

    /// Reads `10.1.0.0/16`.
    ///
    /// - Throws: what is wrong with anything else.
    public init(parsing text: String) throws(AddressError) {
        let parts = text.split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count == 2, parts[1].utf8.allSatisfy({ (0x30...0x39).contains($0) }), let length = Int(parts[1]),
            parts[1].count == 1 || parts[1].first != "0"
        else { throw AddressError("bad address range \(text): expected ADDRESS/LENGTH") }
        try self.init(try IPAddress(parsing: String(parts[0])), length: length)
    }

    /// The range of one address alone.
    public static func single(_ address: IPAddress) -> CIDR {
        CIDR(address: address, prefixLength: address.family.bitWidth)
    }

    /// Whether it is the range of one address alone.
    public var isSingle: Bool { prefixLength == address.family.bitWidth }

    private init(address: IPAddress, prefixLength: Int) { (self.address, self.prefixLength) = (address, prefixLength) }

    /// The bits behind the prefix.
    private var hostMask: UInt128 {
        let width = address.family.bitWidth - prefixLength
        return width == 0 ? 0 : ~0 >> UInt128(128 - width)
    }

    /// The range's first address, whose bits behind the prefix are clear.
    public var first: IPAddress { IPAddress(family: address.family, bits: address.bits & ~hostMask) }

    /// The range's last address, whose bits behind the prefix are set.
    public var last: IPAddress { IPAddress(family: address.family, bits: address.bits | hostMask) }

    /// Whether the ranges have an address in common.
    public func overlaps(_ other: CIDR) -> Bool { contains(other.first) || other.contains(first) }

    /// Whether an address is in the range.
    public func contains(_ other: IPAddress) -> Bool {
        other.family == address.family && first <= other && other <= last
    }

    /// `10.1.0.0/16`.
    public var description: String { "\(address)/\(prefixLength)" }
}
