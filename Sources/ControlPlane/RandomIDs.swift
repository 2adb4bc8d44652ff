public import Controllers

/// Identities from the kernel's random numbers.
public struct RandomIDs: IDSource {
    /// Makes the source.
    public init() {}

    /// A random UUID (RFC 9562, version 4).
    public func uid() -> String {
        let high = UInt64.random(in: .min ... .max) & 0xffff_ffff_ffff_0fff | 0x4000
        let low = UInt64.random(in: .min ... .max) & 0x3fff_ffff_ffff_ffff | 0x8000_0000_0000_0000
        let digits = Array(Self.hex(high) + Self.hex(low))
        let groups = [0..<8, 8..<12, 12..<16, 16..<20, 20..<32].map { String(digits[$0]) }
        return groups.joined(separator: "-")
    }

    /// Random characters of `Fingerprint.alphabet`.
    public func suffix(_ length: Int) -> String {
        String((0..<length).map { _ in Fingerprint.alphabet[Int.random(in: 0..<Fingerprint.alphabet.count)] })
    }

    private static func hex(_ value: UInt64) -> String {
        let text = String(value, radix: 16)
        return String(repeating: "0", count: 16 - text.count) + text
    }
}
