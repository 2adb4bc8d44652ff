internal import CGnuTLS

/// The SHA-256 digest of some content, written as OCI writes it: `sha256:` and 64 lower-case hexadecimal digits
/// (image-spec v1.1, descriptor.md, "Digests").
public struct Digest: Sendable, Hashable, CustomStringConvertible {
    /// The 64 hexadecimal digits.
    public let hex: String

    /// `sha256:` and the digits.
    public var text: String { "sha256:\(hex)" }
    /// `sha256:` and the digits.
    public var description: String { text }

    private init(validHex hex: String) { self.hex = hex }

    /// A digest from its digits alone; nil unless there are exactly 64, all lower-case hexadecimal.
    public static func sha256(_ hex: some StringProtocol) -> Digest? {
        guard hex.utf8.count == 64, hex.utf8.allSatisfy(isLowerHex) else { return nil }
        return Digest(validHex: String(hex))
    }

    /// A digest from its whole text; nil for any other algorithm and for anything malformed.
    public init?(_ text: some StringProtocol) {
        guard text.hasPrefix("sha256:"), let digest = Digest.sha256(text.dropFirst(7)) else { return nil }
        self = digest
    }

    /// The digest of some bytes.
    public init(of bytes: [UInt8]) {
        var hash = SHA256()
        hash.update(bytes)
        self = hash.finish()
    }

    fileprivate init(raw: [UInt8]) {
        let digits = Array("0123456789abcdef".utf8)
        let text = raw.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }
        hex = String(decoding: text, as: UTF8.self)
    }
}

private func isLowerHex(_ byte: UInt8) -> Bool {
    (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) || (UInt8(ascii: "a")...UInt8(ascii: "f")).contains(byte)
}

/// SHA-256 (FIPS 180-4) of content that comes in pieces, computed by GnuTLS.
public struct SHA256: ~Copyable {
    private let handle: gnutls_hash_hd_t

    /// Starts over nothing.
    public init() {
        var handle: gnutls_hash_hd_t?
        // Fails only out of memory: every GnuTLS has SHA-256, its own TLS needs it.
        guard gnutls_hash_init(&handle, GNUTLS_DIG_SHA256) == 0, let handle else {
            preconditionFailure("gnutls_hash_init: no memory for a SHA-256 context")
        }
        self.handle = handle
    }

    /// Adds bytes.
    public mutating func update(_ bytes: UnsafeRawBufferPointer) {
        guard let base = bytes.baseAddress, !bytes.isEmpty else { return }
        gnutls_hash(handle, base, bytes.count)
    }

    /// Adds bytes.
    public mutating func update(_ bytes: [UInt8]) {
        bytes.withUnsafeBytes { update($0) }
    }

    /// The digest of all bytes so far; the next byte starts a new one.
    public mutating func finish() -> Digest {
        var raw = [UInt8](repeating: 0, count: 32)
        gnutls_hash_output(handle, &raw)
        return Digest(raw: raw)
    }

    deinit { gnutls_hash_deinit(handle, nil) }
}
