import Testing
import YAML

/// A node as flow YAML with its places, for comparing whole trees: `{a@1:1: [x@1:5]@1:4}@1:1`.
private func shown(_ node: YAMLNode) -> String {
    let content =
        switch node.content {
        case .scalar(let scalar): scalar.isPlain ? scalar.text : "'\(scalar.text)'"
        case .sequence(let elements): "[\(elements.map(shown).joined(separator: ", "))]"
        case .mapping(let entries):
            "{\(entries.map { "\($0.key)@\($0.keyMark): \(shown($0.value))" }.joined(separator: ", "))}"
        }
    return "\(content)@\(node.mark)"
}

@Suite struct YAMLReadingTests {
    @Test(arguments: [
        ("a: 1\n", ["{a@1:1: 1@1:4}@1:1"]),
        ("a:\n  b: [1, 'x']\n", ["{a@1:1: {b@2:3: [1@2:7, 'x'@2:10]@2:6}@2:3}@1:1"]),
        ("- 1\n- - 2\n", ["[1@1:3, [2@2:5]@2:3]@1:1"]),
        ("a:\n- x: 1\n  y: 2\n", ["{a@1:1: [{x@2:3: 1@2:6, y@3:3: 2@3:6}@2:3]@2:1}@1:1"]),
        ("a: 1\n---\nb: 2\n", ["{a@1:1: 1@1:4}@1:1", "{b@3:1: 2@3:4}@3:1"]),
        ("%YAML 1.2\n---\na\n...\n", ["a@3:1"]),
        ("\u{FEFF}a: 1\n", ["{a@1:1: 1@1:4}@1:1"]),
        ("# only a comment\n", []), ("", []),
        ("é: ü\nb: 1\n", ["{é@1:1: ü@1:4, b@2:1: 1@2:4}@1:1"]),
        ("a: |\n  x\n  y\nb: >-\n  x\n  y\n", ["{a@1:1: 'x\ny\n'@1:4, b@4:1: 'x y'@4:4}@1:1"]),
        ("a: \"\\u00e9\\n\\x41\"\n", ["{a@1:1: 'é\nA'@1:4}@1:1"]),
        ("a:\nb: 1\n", ["{a@1:1: @1:3, b@2:1: 1@2:4}@1:1"]),
        ("{\"a\": [1, {\"b\": null}]}", ["{a@1:2: [1@1:8, {b@1:12: null@1:17}@1:11]@1:7}@1:1"]),
        ("? long\n: 1\n", ["{long@1:3: 1@2:3}@1:1"]),
        ("a: !!str 1\nb: !!int \"1\"\nc: ! x\n", ["{a@1:1: '1'@1:4, b@2:1: 1@2:4, c@3:1: 'x'@3:4}@1:1"]),
    ])
    func `a text is read into a tree with places`(text: String, documents: [String]) {
        let stream = YAML.read(text)
        #expect(stream.errors.map(\.description) == [])
        #expect(stream.documents.map(shown) == documents)
    }

    @Test(arguments: [
        ("a: &x [1]\nb: *x\n", "{a@1:1: [1@1:8]@1:4, b@2:1: [1@1:8]@2:4}@1:1"),
        ("a: &x 1\nb: &x 2\nc: *x\n", "{a@1:1: 1@1:4, b@2:1: 2@2:4, c@3:1: 2@3:4}@1:1"),
        (
            "a: &x {k: 1, l: 2}\nb: {<<: *x, l: 3}\n",
            "{a@1:1: {k@1:8: 1@1:11, l@1:14: 2@1:17}@1:4, b@2:1: {l@2:13: 3@2:16, k@1:8: 1@1:11}@2:4}@1:1"
        ),
        (
            "- &x {k: 1}\n- &y {k: 2, m: 3}\n- {<<: [*x, *y]}\n",
            "[{k@1:7: 1@1:10}@1:3, {k@2:7: 2@2:10, m@2:13: 3@2:16}@2:3, {k@1:7: 1@1:10, m@2:13: 3@2:16}@3:3]@1:1"
        ),
    ])
    func `aliases and merge keys are followed`(text: String, tree: String) {
        let stream = YAML.read(text)
        #expect(stream.errors.map(\.description) == [])
        #expect(stream.documents.map(shown) == [tree])
    }

    @Test(arguments: [
        ("a: 1\na: 2\n", ["2:1: duplicate key \"a\"; it is already set at 1:1"]),
        (
            "x:\n  a: 1\n  b: 1\n  a: 2\n  a: 3\n",
            [
                "4:3: duplicate key \"a\"; it is already set at 2:3",
                "5:3: duplicate key \"a\"; it is already set at 2:3",
            ]
        ),
        ("8080: x\n", ["1:1: a key must be a string, found 8080; quote it: \"8080\""]),
        (
            "true: x\n~: y\n",
            [
                "1:1: a key must be a string, found true; quote it: \"true\"",
                "2:1: a key must be a string, found ~; quote it: \"~\"",
            ]
        ),
        ("{? : x}\n", ["1:4: a key must be a string, found nothing; quote it: \"\""]),
        ("? [a]\n: x\n", ["1:3: a key must be a string, and this is a list"]),
        ("{{a: 1}: 2}\n", ["1:2: a key must be a string, and this is a mapping"]),
        ("a: *b\n", ["1:4: no anchor &b before this alias"]),
        ("a: &b [*b]\n", ["1:8: alias *b stands inside what it stands for"]),
        ("a: &b 1\n---\nc: *b\n", ["3:4: no anchor &b before this alias"]),
        ("a: {<<: 1}\n", ["1:5: the merge key << takes a mapping or a list of mappings"]),
        (
            "a: !secret x\nb: !!map []\n",
            [
                "1:4: tag !secret is not supported; known tags are !!str, !!int, !!float, !!bool, !!null, !!map and !!seq",
                "2:4: tag tag:yaml.org,2002:map is not supported; known tags are !!str, !!int, !!float, !!bool, !!null, !!map and !!seq",
            ]
        ),
        ("a:\n\tb: 1\n", ["2:1: a tab cannot indent YAML; use spaces"]),
        ("a:\n  b: 1\n \tc: 2\n", ["3:2: a tab cannot indent YAML; use spaces"]),
        (
            "a: b: c\n",
            [
                "1:5: mapping values are not allowed in this context; quote a value that holds ': ', or check the indentation"
            ]
        ),
        (
            "a: @x\n",
            [
                "1:4: found character that cannot start any token; quote what starts with '@', '`' or '%' (while scanning for the next token that starts at 1:4)"
            ]
        ),
        ("a: [1, 2\n", ["2:1: did not find expected ',' or ']' (while parsing a flow sequence that starts at 1:4)"]),
        ("a: \"x\n", ["2:1: found unexpected end of stream (while scanning a quoted scalar that starts at 1:4)"]),
        (
            "a: 1\n b: 2\n",
            [
                "2:3: mapping values are not allowed in this context; quote a value that holds ': ', or check the indentation"
            ]
        ),
        (
            "a: 1\n---\nb: 1\nb: 2\n---\n]\n",
            [
                "4:1: duplicate key \"b\"; it is already set at 3:1",
                "6:1: did not find expected node content (while parsing a block node that starts at 6:1)",
            ]
        ),
        ("a: \u{1}\n", ["1:4: character U+1 is not allowed; write it as an escape in double quotes"]),
    ])
    func `what is wrong is said with its place`(text: String, errors: [String]) {
        #expect(YAML.read(text).errors.map(\.description) == errors)
    }

    @Test(
        arguments: [
            ([0x61, 0x3A, 0x20, 0xFF], "1:4: byte 3 is not UTF-8"),
            (Array("a: é\nb: ".utf8) + [0xC3], "2:4: byte 9 is not UTF-8"),
            ([0xED, 0xA0, 0x80], "1:1: byte 0 is not UTF-8"),
            ([0xC0, 0x80], "1:1: byte 0 is not UTF-8"),
            ([0xFF, 0xFE, 0x61, 0x00], "1:1: UTF-16 text; save it as UTF-8"),
            ([0xFE, 0xFF, 0x00, 0x61], "1:1: UTF-16 text; save it as UTF-8"),
        ] as [([UInt8], String)])
    func `bytes that are not UTF-8 are named by their offset`(bytes: [UInt8], error: String) {
        #expect(YAML.read(bytes).errors.map(\.description) == [error])
    }
}
