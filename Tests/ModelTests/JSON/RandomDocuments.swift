import Model

/// A small generator with a seed, so that a failing case can be run again.
struct SeededGenerator: RandomNumberGenerator {
    private var value: UInt64

    init(seed: UInt64) { value = seed }

    /// SplitMix64.
    mutating func next() -> UInt64 {
        value &+= 0x9E37_79B9_7F4A_7C15
        var mixed = value
        mixed = (mixed ^ mixed >> 30) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ mixed >> 27) &* 0x94D0_49BB_1331_11EB
        return mixed ^ mixed >> 31
    }
}

extension JSONValue {
    private static let pieces = [
        "a", "b", "Z", "0", "7", "1.5", "-", ":", " ", "  ", "#", "\n", "\n\n", "\t", "\r", "'", "\"", "\\", "%", "@",
        "&", "*", "!",
        "|", ">", "[", "]", "{", "}", ",", "?", "=", "~", "null", "true", "yes", "0x1f", "1e3", ".inf", "---", "...",
        "<<",
        "é", "\u{301}", "日本", "🙂", "\u{85}", "\u{2028}", "\u{FEFF}", "\u{0}", "\u{7F}", "\u{9F}", "\u{FFFE}",
        "\u{10FFFF}",
    ]

    static func randomText(using generator: inout SeededGenerator) -> String {
        (0..<Int.random(in: 0...5, using: &generator)).map { _ in pieces.randomElement(using: &generator) ?? "" }
            .joined()
    }

    static func random(depth: Int, using generator: inout SeededGenerator) -> JSONValue {
        switch Int.random(in: 0...(depth > 0 ? 8 : 5), using: &generator) {
        case 0: return .null
        case 1: return .bool(.random(using: &generator))
        case 2: return .integer(Int64.random(in: .min ... .max, using: &generator))
        case 3: return .number(Double(Int64.random(in: -1000...1000, using: &generator)) / 7 * 1e20)
        case 4, 5: return .string(randomText(using: &generator))
        case 6:
            return .array(
                (0..<Int.random(in: 0...3, using: &generator)).map { _ in random(depth: depth - 1, using: &generator) })
        default:
            var object = JSONObject()
            for _ in 0..<Int.random(in: 0...3, using: &generator) {
                object[randomText(using: &generator)] = random(depth: depth - 1, using: &generator)
            }
            return .object(object)
        }
    }
}
