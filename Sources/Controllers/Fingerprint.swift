/// A stable 64-bit hash, FNV-1a (draft-eastlake-fnv), of text that is fed to it piece by piece.
///
/// Stable over processes, machines and releases, because revisions are named after it. It is no defence against somebody
/// who wants a collision; whoever uses it compares contents as well.
public struct Fingerprint: Hashable, Sendable {
    /// Lower-case characters without vowels, and without digits that look like one: names do not spell words.
    public static let alphabet: [Character] = Array("bcdfghjklmnpqrstvwxz2456789")

    /// The hash so far.
    public private(set) var value: UInt64 = 0xcbf2_9ce4_8422_2325

    /// Makes the hash of nothing.
    public init() {}

    /// Makes the hash of pieces.
    public init(_ pieces: String...) { for piece in pieces { combine(piece) } }

    /// Feeds a piece and its end, so that `ab`, `c` and `a`, `bc` differ.
    public mutating func combine(_ piece: String) {
        for byte in piece.utf8 { mix(byte) }
        mix(0xff)  // No UTF-8 text contains it.
    }

    private mutating func mix(_ byte: UInt8) { value = (value ^ UInt64(byte)) &* 0x0000_0100_0000_01b3 }

    /// The hash as ten characters of the alphabet, 47 bits of it.
    public var text: String {
        var rest = value
        let base = UInt64(Self.alphabet.count)
        return String(
            (0..<10).map { _ in
                defer { rest /= base }
                return Self.alphabet[Int(rest % base)]
            })
    }
}
