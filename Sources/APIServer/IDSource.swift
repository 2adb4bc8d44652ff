/// Where identities and the random parts of names come from; tests inject one that counts.
public protocol IDSource: AnyObject, Sendable {
    /// A new identity for an object.
    func uid() -> String
    /// A random text of some length that may end an object's name.
    func suffix(length: Int) -> String
}

/// The system's random numbers.
public final class SystemIDs: IDSource {
    /// Letters and digits without vowels, so that no words come out, and without what is easily misread.
    private static let alphabet = Array("bcdfghjklmnpqrstvwxz2456789")

    /// Makes the source.
    public init() {}

    /// A random UUID (RFC 9562 section 5.4).
    public func uid() -> String {
        var bytes = (0..<16).map { _ in UInt8.random(in: .min ... .max) }
        bytes[6] = bytes[6] & 0x0F | 0x40
        bytes[8] = bytes[8] & 0x3F | 0x80
        let digits = Array("0123456789abcdef".utf8)
        var text: [UInt8] = []
        for (index, byte) in bytes.enumerated() {
            if [4, 6, 8, 10].contains(index) { text.append(UInt8(ascii: "-")) }
            text += [digits[Int(byte >> 4)], digits[Int(byte & 15)]]
        }
        return String(decoding: text, as: UTF8.self)
    }

    /// A random text of 27 different characters.
    public func suffix(length: Int) -> String {
        String((0..<length).map { _ in Self.alphabet[Int.random(in: Self.alphabet.indices)] })
    }
}
