import Model
import TestSupport

extension JSONValue {
    private static let pieces = [
        "a", "b", "Z", "0", "7", "1.5", "-", ":", " ", "  ", "#", "\n", "\n\n", "\t", "\r", "'", "\"", "\\", "%", "@",
        "&", "*", "!",
        "|", ">", "[", "]", "{", "}", ",", "?", "=", "~", "null", "true", "yes", "0x1f", "1e3", ".inf", "---", "...",
        "<<",
        "é", "\u{301}", "日本", "🙂", "\u{85}", "\u{2028}", "\u{FEFF}", "\u{0}", "\u{7F}", "\u{9F}", "\u{FFFE}",
        "\u{10FFFF}",
    ]

    static func randomText(using generator: inout SplitMix64) -> String {
        (0..<Int.random(in: 0...5, using: &generator)).map { _ in pieces.randomElement(using: &generator) ?? "" }
            .joined()
    }

    static func random(depth: Int, using generator: inout SplitMix64) -> JSONValue {
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
