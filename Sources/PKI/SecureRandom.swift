internal import CGnuTLS

/// Randomness fit for secrets (`gnutls_rnd(3)`).
public enum SecureRandom {
    /// Random bytes.
    ///
    /// - Throws: `PKIError` when the system's source of randomness fails.
    public static func bytes(_ count: Int) throws(PKIError) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: count)
        let code = bytes.withUnsafeMutableBytes { gnutls_rnd(GNUTLS_RND_KEY, $0.baseAddress, count) }
        try check(code, "cannot get random bytes")
        return bytes
    }

    /// A bearer token: random bytes in lower-case hexadecimal.
    public static func token(byteCount: Int = 32) throws(PKIError) -> String { hex(try bytes(byteCount)) }

    /// A version 4 UUID (RFC 9562 section 5.4) in its usual form.
    public static func uuid() throws(PKIError) -> String {
        var bytes = try bytes(16)
        bytes[6] = bytes[6] & 0x0F | 0x40
        bytes[8] = bytes[8] & 0x3F | 0x80
        let parts = [bytes[0..<4], bytes[4..<6], bytes[6..<8], bytes[8..<10], bytes[10..<16]]
        return parts.map { hex($0) }.joined(separator: "-")
    }
}

/// Lower-case hexadecimal.
func hex(_ bytes: some Sequence<UInt8>) -> String {
    let digits = Array("0123456789abcdef".utf8)
    var text: [UInt8] = []
    for byte in bytes {
        text.append(digits[Int(byte >> 4)])
        text.append(digits[Int(byte & 15)])
    }
    return String(decoding: text, as: UTF8.self)
}
