/// A message of netlink(7): what follows `struct nlmsghdr`, with the header's type and flags.
struct NetlinkMessage: Hashable, Sendable {
    /// What is asked or told: `RTM_NEWLINK`, `NLMSG_ERROR`.
    var type: UInt16
    /// `NLM_F_` flags.
    var flags: UInt16
    /// Which request it belongs to; set when it is sent.
    var sequence: UInt32 = 0
    /// The family's header and the attributes.
    var payload: NetlinkPayload

    /// Makes a message.
    init(type: UInt16, flags: UInt16, payload: NetlinkPayload) {
        self.type = type
        self.flags = flags
        self.payload = payload
    }

    /// The whole message on the wire.
    var bytes: [UInt8] {
        var whole = NetlinkPayload()
        whole.append(UInt32(16 + payload.bytes.count))
        whole.append(type)
        whole.append(flags)
        whole.append(sequence)
        whole.append(UInt32(0))  // Port of the sender: the kernel fills it in.
        return whole.bytes + payload.bytes
    }
}

/// Bytes of a message under construction: numbers in the machine's order, attributes padded to 4 bytes.
struct NetlinkPayload: Hashable, Sendable {
    /// What was written so far; a multiple of 4 long after each attribute.
    private(set) var bytes: [UInt8] = []

    /// Makes a payload.
    init(_ build: (inout NetlinkPayload) -> Void = { _ in }) { build(&self) }

    /// Appends a number.
    mutating func append<Number: FixedWidthInteger>(_ number: Number) {
        withUnsafeBytes(of: number) { bytes += $0 }
    }

    /// Appends an attribute, `struct rtattr`: its length with the 4 bytes of header and without padding, its type, its
    /// value, and zeros up to a multiple of 4.
    mutating func attribute(_ type: UInt16, _ value: [UInt8]) {
        append(UInt16(4 + value.count))
        append(type)
        bytes += value
        while !bytes.count.isMultiple(of: 4) { bytes.append(0) }
    }

    /// Appends an attribute that is a number in the machine's order.
    mutating func attribute<Number: FixedWidthInteger>(_ type: UInt16, _ number: Number) {
        attribute(type, withUnsafeBytes(of: number, Array.init))
    }

    /// Appends an attribute that is a text, with the zero at its end.
    mutating func attribute(_ type: UInt16, _ text: String) { attribute(type, Array(text.utf8) + [0]) }

    /// Appends an attribute that holds others, or a header and others.
    mutating func nested(_ type: UInt16, _ build: (inout NetlinkPayload) -> Void) {
        attribute(type, NetlinkPayload(build).bytes)
    }
}
