/// Takes apart what the kernel sent. A length that does not fit ends the reading; nothing is read beyond the bytes.
struct NetlinkReader {
    private var rest: ArraySlice<UInt8>

    /// Reads bytes from their beginning.
    init(_ bytes: [UInt8]) { rest = bytes[...] }

    /// The next number in the machine's order; nil at the end.
    mutating func number<Number: FixedWidthInteger>(_ type: Number.Type = Number.self) -> Number? {
        let size = MemoryLayout<Number>.size
        guard let bytes = take(size) else { return nil }
        return bytes.withUnsafeBytes { $0.loadUnaligned(as: Number.self) }
    }

    /// The next bytes; nil when there are not so many.
    mutating func take(_ count: Int) -> [UInt8]? {
        guard count >= 0, rest.count >= count else { return nil }
        defer { rest = rest.dropFirst(count) }
        return Array(rest.prefix(count))
    }

    /// The next message; nil at the end.
    mutating func message() -> NetlinkMessage? {
        guard let length = number(UInt32.self), let type = number(UInt16.self), let flags = number(UInt16.self),
            let sequence = number(UInt32.self), take(4) != nil, length >= 16, let body = take(Int(length) - 16)
        else { return nil }
        skipPadding(Int(length))
        var message = NetlinkMessage(type: type, flags: flags, payload: NetlinkPayload { $0.append(raw: body) })
        message.sequence = sequence
        return message
    }

    /// All attributes from here on, by type without the flag bits; of those with one type the last counts.
    mutating func attributes() -> [UInt16: [UInt8]] {
        var attributes: [UInt16: [UInt8]] = [:]
        while let length = number(UInt16.self), let type = number(UInt16.self), length >= 4,
            let value = take(Int(length) - 4)
        {
            attributes[type & 0x3FFF] = value  // NLA_F_NESTED, NLA_F_NET_BYTEORDER
            skipPadding(Int(length))
        }
        return attributes
    }

    private mutating func skipPadding(_ length: Int) { rest = rest.dropFirst((4 - length % 4) % 4) }
}

extension NetlinkPayload {
    /// Appends bytes as they are.
    mutating func append(raw: [UInt8]) { for byte in raw { append(byte) } }
}

extension [UInt8] {
    /// The text up to the first zero.
    var netlinkText: String { String(decoding: prefix { $0 != 0 }, as: UTF8.self) }

    /// The number in the machine's order; nil for another size.
    func netlinkNumber<Number: FixedWidthInteger>(_ type: Number.Type = Number.self) -> Number? {
        guard count == MemoryLayout<Number>.size else { return nil }
        return withUnsafeBytes { $0.loadUnaligned(as: Number.self) }
    }
}
