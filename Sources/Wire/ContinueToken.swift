/// Where a list that was cut at `limit` goes on; opaque to clients.
public struct ContinueToken: Hashable, Sendable {
    /// The revision of the first page.
    public var revision: UInt64
    /// The namespace of the last object that was returned.
    public var namespace: String
    /// The name of the last object that was returned.
    public var name: String

    /// Makes a token.
    public init(revision: UInt64, namespace: String, name: String) {
        self.revision = revision
        self.namespace = namespace
        self.name = name
    }

    /// The token as text: hexadecimal, so that it needs no escaping in a URL.
    public var text: String {
        let digits = Array("0123456789abcdef".utf8)
        let content = "1/\(revision)/\(namespace)/\(name)"
        return String(decoding: content.utf8.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }, as: UTF8.self)
    }

    /// Reads a token.
    public init?(_ text: String) {
        let nibbles = text.utf8.compactMap { Character(Unicode.Scalar($0)).hexDigitValue }
        guard nibbles.count == text.utf8.count, nibbles.count % 2 == 0 else { return nil }
        let bytes = stride(from: 0, to: nibbles.count, by: 2).map { UInt8(nibbles[$0] << 4 | nibbles[$0 + 1]) }
        let parts = String(decoding: bytes, as: UTF8.self).split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count == 4, parts[0] == "1", let revision = UInt64(parts[1]) else { return nil }
        self.init(revision: revision, namespace: String(parts[2]), name: String(parts[3]))
    }
}
