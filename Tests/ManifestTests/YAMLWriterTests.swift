import Manifest
import Model
import TestSupport
import Testing

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

@Suite struct YAMLWriterTests {
    @Test(
        arguments: [
            ("x", "x\n"), (["a": 1], "a: 1\n"), ([:], "{}\n"), ([], "[]\n"), (nil, "null\n"),
            (["a": ["b": ["c": true]]], "a:\n  b:\n    c: true\n"),
            (["a": [1, "two"]], "a:\n- 1\n- two\n"),
            ([["name": "x", "port": 1], ["name": "z"]], "- name: x\n  port: 1\n- name: z\n"),
            ([[1, 2], [], [[3]]], "- - 1\n  - 2\n- []\n- - - 3\n"),
            (["a": [["b": [["c": [:]]]]]], "a:\n- b:\n  - c: {}\n"),
            (["a": "1"], "a: \"1\"\n"), (["a": "true"], "a: \"true\"\n"), (["a": "yes"], "a: \"yes\"\n"),
            (["a": ""], "a: \"\"\n"), (["a": "1.4.2"], "a: \"1.4.2\"\n"), (["a": "web:1.4"], "a: web:1.4\n"),
            (["a": "2026-01-31T08:00:00Z"], "a: \"2026-01-31T08:00:00Z\"\n"), (["a": "0644"], "a: \"0644\"\n"),
            (["a": "10s"], "a: 10s\n"), (["a": "25%"], "a: 25%\n"), (["a": "/x #y"], "a: \"/x #y\"\n"),
            (["a": "x\ny\n"], "a: |\n  x\n  y\n"), (["a": "x\ny", "b": 1], "a: |-\n  x\n  y\nb: 1\n"),
            (["a": "x\n\n\n"], "a: |+\n  x\n\n\n"), (["a": "x\r\ny"], "a: \"x\\r\\ny\"\n"),
            (["a": " x\ny"], "a: \" x\\ny\"\n"), (["true": 1, "8080": 2], "\"true\": 1\n\"8080\": 2\n"),
        ] as [(JSONValue, String)])
    func `a document is written as kubectl writes it`(document: JSONValue, text: String) {
        #expect(document.yaml == text)
    }

    @Test func `what is written reads back as the same document`() throws {
        for seed in UInt64(0)..<4000 {
            var generator = SplitMix64(seed: seed)
            let document: JSONValue = ["value": .random(depth: 4, using: &generator)]
            let stream = ManifestReader.values(in: Array(document.yaml.utf8))
            #expect(stream.errors == [], "seed \(seed): \(document.yaml.debugDescription)")
            #expect(stream.values == [document], "seed \(seed): \(document.yaml.debugDescription)")
            if stream.values != [document] { return }
        }
    }

    @Test func `a key longer than YAML's simple keys reads back`() {
        let key = String(repeating: "k", count: 5000)
        let document: JSONValue = [key: ["x": [1, ["y": 2]]], "list": [[key: [1], "z": [key: "v"]]]]
        let stream = ManifestReader.values(in: Array(document.yaml.utf8))
        #expect(stream.errors == [])
        #expect(stream.values == [document])
    }
}
