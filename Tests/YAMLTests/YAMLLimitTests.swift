import Testing
import YAML

@Suite struct YAMLLimitTests {
    private func errors(_ text: String, _ change: (inout YAMLLimits) -> Void = { _ in }) -> [String] {
        var limits = YAMLLimits()
        change(&limits)
        return YAML.read(text, limits: limits).errors.map(\.description)
    }

    @Test func `a text of the greatest size is read and a larger one is not`() {
        #expect(errors("a: bcd", { $0.bytes = 6 }) == [])
        #expect(errors("a: bcde", { $0.bytes = 6 }) == ["1:1: larger than 6 bytes, the most that is read"])
        let large = "a: " + String(repeating: "x", count: 10 << 20)
        #expect(errors(large) == ["1:1: larger than 4194304 bytes, the most that is read"])
    }

    @Test(arguments: [("[", "]"), ("{a: ", "}")])
    func `values nest to the limit and no deeper`(open: String, close: String) {
        func nested(_ depth: Int) -> String {
            String(repeating: open, count: depth) + String(repeating: close, count: depth)
        }
        #expect(errors(nested(64)) == [])
        #expect(errors(nested(65)).count == 1)
        #expect(errors(nested(65))[0].hasSuffix("nested deeper than 64 levels"))
        #expect(errors(String(repeating: open, count: 100_000))[0].hasSuffix("nested deeper than 64 levels"))
    }

    @Test func `block nesting is bounded too`() {
        let text = (0..<1000).map { String(repeating: " ", count: $0) + "a:\n" }.joined()
        #expect(errors(text) == ["65:65: nested deeper than 64 levels"])
        #expect(errors(String(repeating: "- ", count: 100_000)) == ["1:129: nested deeper than 64 levels"])
    }

    @Test func `an alias counts as deep as what it stands for`() {
        let text = "- &a [[x]]\n- [[*a]]\n"
        #expect(errors(text, { $0.depth = 5 }) == [])
        #expect(errors(text, { $0.depth = 4 }) == ["2:5: nested deeper than 4 levels"])
    }

    @Test func `aliases that multiply are refused before they are expanded`() {
        var text = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n"
        for level in 1...20 {
            let aliases = Array(repeating: "*a\(level - 1)", count: 10).joined(separator: ", ")
            text += "a\(level): &a\(level) [\(aliases)]\n"
        }
        let found = errors(text)
        #expect(found.count == 1)
        #expect(found[0].hasSuffix("more than 200000 values, aliases expanded"))
        #expect(found[0].hasPrefix("6:"))
    }

    @Test func `merge keys that multiply are refused too`() {
        var text = "a0: &a0 {x0: 1, x1: 1, x2: 1, x3: 1}\n"
        for level in 1...30 {
            text += "a\(level): &a\(level) {k: *a\(level - 1), l: *a\(level - 1), <<: *a\(level - 1)}\n"
        }
        #expect(errors(text).map { String($0.suffix(41)) } == ["more than 200000 values, aliases expanded"])
    }

    @Test func `aliases of long texts are counted by their bytes`() {
        let text = "- &a \(String(repeating: "x", count: 1 << 20))\n" + String(repeating: "- *a\n", count: 10)
        #expect(errors(text) == ["9:3: more than 8388608 bytes of text, aliases expanded"])
        #expect(errors(text, { $0.expandedBytes = 11 << 20 }) == [])
    }

    @Test func `a single text is bounded`() {
        #expect(errors("a: xxxx", { $0.scalarBytes = 4 }) == [])
        #expect(errors("a: 'xxxxx'", { $0.scalarBytes = 4 }) == ["1:4: a text of more than 4 bytes"])
    }

    @Test func `values are counted over all documents`() {
        #expect(errors("[1, 2]\n---\n[3]\n", { $0.nodes = 5 }) == [])
        #expect(errors("[1, 2]\n---\n[3, 4]\n", { $0.nodes = 5 }) == ["3:5: more than 5 values, aliases expanded"])
    }
}
