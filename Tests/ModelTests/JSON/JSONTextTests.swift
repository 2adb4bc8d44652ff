import Model
import TestSupport
import Testing

@Suite struct JSONTextTests {
    @Test(
        arguments: [
            ("null", nil), (" true ", true), ("false", false), ("0", 0), ("-7", -7), ("1.5", 1.5), ("-0.25e2", -25.0),
            ("1E3", 1000.0), ("9223372036854775807", .integer(.max)),
            ("9223372036854775808", .number(9_223_372_036_854_775_808)),
            ("\"\"", ""), ("\"a\\\"\\\\\\/\\b\\f\\n\\r\\t\"", "a\"\\/\u{8}\u{C}\n\r\t"),
            ("\"\\u00e9\\ud83d\\ude42\"", "é🙂"),
            ("\"é🙂\"", "é🙂"), ("[]", []), ("[1, [2], {}]", [1, [2], [:]]), ("{}", [:]),
            ("{\"b\": 1, \"a\": {\"c\": null}}", ["b": 1, "a": ["c": nil]]),
        ] as [(String, JSONValue)])
    func `a document is parsed`(text: String, value: JSONValue) throws {
        #expect(try JSONValue(parsing: text) == value)
    }

    @Test(arguments: [
        ("", "unexpected end of text", 0), ("nul", "unexpected end of text", 0), ("nulL", "unexpected character", 0),
        ("[1,]", "unexpected character", 3), ("[1 2]", "expected ',' or ']'", 3),
        ("{\"a\" 1}", "expected ':' after a member name", 5),
        ("{a: 1}", "expected a member name in double quotes", 1), ("{\"a\":1,\"a\":2}", "duplicate member \"a\"", 7),
        ("01", "a number may not start with 0", 0), ("-01", "a number may not start with 0", 0),
        ("1.", "unexpected end of text", 2),
        ("-", "unexpected end of text", 1), ("1e", "unexpected end of text", 2), ("1e999", "number out of range", 0),
        ("+1", "unexpected character", 0),
        ("\"a", "unexpected end of text in a string", 2), ("\"\n\"", "control character in a string", 1),
        ("\"\\x\"", "unknown escape in a string", 3), ("\"\\ud800\"", "unpaired surrogate in a string", 7),
        ("\"\\udc00\\udc00\"", "unpaired surrogate in a string", 7),
        ("\"\\u12g4\"", "expected four hexadecimal digits", 5),
        ("1 2", "unexpected text after the document", 2), ("[", "unexpected end of text", 1),
        ("NaN", "unexpected character", 0),
    ])
    func `what is no document is refused at its byte`(text: String, message: String, offset: Int) {
        #expect(throws: JSONError(message: message, offset: offset)) { try JSONValue(parsing: text) }
    }

    @Test func `bad UTF-8 in a string is refused`() {
        for bytes: [UInt8] in [[0x22, 0xFF, 0x22], [0x22, 0xC0, 0x80, 0x22], [0x22, 0xED, 0xA0, 0x80, 0x22]] {
            #expect(throws: JSONError(message: "invalid UTF-8 in a string", offset: 1)) {
                try JSONValue(parsing: bytes)
            }
        }
    }

    @Test func `nesting is bounded`() throws {
        let deep = String(repeating: "[", count: 128) + String(repeating: "]", count: 128)
        _ = try JSONValue(parsing: deep)
        #expect(throws: JSONError(message: "nested deeper than 128 levels", offset: 128)) {
            try JSONValue(parsing: "[\(deep)]")
        }
        #expect(throws: JSONError.self) { try JSONValue(parsing: String(repeating: "{\"a\":", count: 1_000_000)) }
    }

    @Test func `what is written reads back as the same document`() throws {
        for seed in UInt64(0)..<3000 {
            var generator = SplitMix64(seed: seed)
            let document = JSONValue.random(depth: 4, using: &generator)
            for layout in [JSONValue.Layout.compact, .indented] {
                #expect(try JSONValue(parsing: document.serialized(layout)) == document, "seed \(seed)")
            }
            #expect(document.canonical == document)
            #expect(document.canonical.text() == document.canonical.canonical.text())
        }
    }

    @Test(
        arguments: [
            (
                ["b": 1, "a": [true, nil]], "{\"b\":1,\"a\":[true,null]}",
                "{\n  \"b\": 1,\n  \"a\": [\n    true,\n    null\n  ]\n}"
            ),
            ([:], "{}", "{}"), ([], "[]", "[]"), ("\u{1}\n\"é", "\"\\u0001\\n\\\"é\"", "\"\\u0001\\n\\\"é\""),
            (1.0, "1.0", "1.0"),
        ] as [(JSONValue, String, String)])
    func `a document is written`(value: JSONValue, compact: String, indented: String) {
        #expect(value.text() == compact)
        #expect(value.text(.indented) == indented)
    }
}

@Suite struct JSONValueTests {
    @Test(
        arguments: [
            (["a": 1, "b": 2], ["b": 2, "a": 1], true), (["a": 1], ["a": 1, "b": 2], false),
            (["a": 1], ["b": 1], false),
            (1, 1.0, true), (1, 1.5, false), ([1, 2], [2, 1], false), (nil, false, false), ("1", 1, false),
            (["a": nil], [:], false),
        ] as [(JSONValue, JSONValue, Bool)])
    func `documents are equal whatever the order of their members`(left: JSONValue, right: JSONValue, isEqual: Bool) {
        #expect((left == right) == isEqual)
        #expect((right == left) == isEqual)
        if isEqual { #expect(left.hashValue == right.hashValue) }
    }

    @Test func `paths are read and written`() {
        var value: JSONValue = ["a": ["b": 1]]
        #expect(value[path: ["a", "b"]] == 1)
        #expect(value[path: ["a", "x", "y"]] == nil)
        value[path: ["a", "x", "y"]] = "new"
        #expect(value == ["a": ["b": 1, "x": ["y": "new"]]])
        value[path: ["a", "b"]] = nil
        #expect(value == ["a": ["x": ["y": "new"]]])
        value[path: []] = 1
        #expect(value == 1)
    }

    @Test func `members keep the order in which they were written`() {
        var object: JSONObject = ["z": 1, "a": 2]
        object["m"] = 3
        object["z"] = 4
        #expect(object.keys == ["z", "a", "m"])
        object["a"] = nil
        #expect(object.keys == ["z", "m"])
        #expect(object.count == 2)
    }
}
