import Testing

private let sources = ["Sources", "Benchmarks"].flatMap { SourceTree.files(below: $0, suffix: ".swift") }
private let tests = SourceTree.files(below: "Tests", suffix: ".swift")

extension SourceFile {
    /// The target the file belongs to.
    fileprivate var target: String { path.split(separator: "/").dropFirst().first.map(String.init) ?? "" }

    /// Lines of code with their numbers: comments are left out.
    fileprivate var code: [(number: Int, text: String)] {
        lines.enumerated().compactMap { index, line in
            let text = line.drop { $0 == " " }
            return text.hasPrefix("//") ? nil : (index + 1, line)
        }
    }

    /// The modules that the file imports.
    fileprivate var imports: [(number: Int, module: String)] {
        code.compactMap { number, line in
            var words = line.split(separator: " ").map(String.init)
            while let first = words.first,
                first.hasPrefix("@") || ["public", "internal", "package", "private"].contains(first)
            {
                words.removeFirst()
            }
            guard words.count >= 2, words[0] == "import" else { return nil }
            return (number, words[1].split(separator: ".").first.map(String.init) ?? "")
        }
    }
}

@Test func `the source tree is found`() {
    #expect(sources.count > 50)
    #expect(Set(sources.map(\.target)) == Set(importTable.keys))
}

@Test func `a target imports only what the architecture allows`() {
    for file in sources {
        let allowed = importTable[file.target] ?? []
        for (number, module) in file.imports where !allowed.contains(module) {
            Issue.record("\(file.path):\(number): \(file.target) may not import \(module)")
        }
    }
}

@Test func `the architecture's table says the same as the test's`() {
    let rows = SourceTree.text("docs/architecture.md").split(separator: "\n").filter { $0.hasPrefix("| ") }
    for (target, allowed) in importTable.sorted(by: { $0.key < $1.key }) {
        guard let row = rows.first(where: { $0.contains("| `\(target)` |") }) else {
            Issue.record("docs/architecture.md has no row for \(target)")
            continue
        }
        let cells = row.split(separator: "|").map { $0.filter { $0 != " " && $0 != "`" } }
        let shown = Set(cells.dropFirst(2).first?.split(separator: ",").map(String.init) ?? []).subtracting(["–"])
        let system: Set<String> = ["Glibc", "Synchronization"]
        #expect(shown == allowed.subtracting(system), "docs/architecture.md, \(target)")
    }
}

@Test func `decisions cannot name effects`() {
    for file in sources where pureTargets.contains(file.target) {
        for (number, line) in file.code {
            for (word, why) in impureWords where line.contains(word) {
                Issue.record("\(file.path):\(number): \(word) in a pure target: \(why)")
            }
        }
    }
}

@Test func `banned words do not appear`() {
    for file in sources {
        for (number, line) in file.code {
            for (word, why) in bannedWords where line.contains(word) {
                Issue.record("\(file.path):\(number): \(word): \(why)")
            }
        }
    }
}

@Test func `an unchecked Sendable says why it is safe`() {
    for file in sources {
        for (index, line) in file.lines.enumerated() where line.contains("@unchecked Sendable") {
            let around = file.lines[max(0, index - 8)...min(file.lines.count - 1, index + 6)]
            let isExplained = around.contains {
                $0.contains("//") && ($0.contains("afe") || $0.contains("lock") || $0.contains("thread"))
            }
            #expect(isExplained, "\(file.path):\(index + 1)")
        }
    }
}

@Test func `files stay small enough to read`() {
    for file in sources + tests {
        #expect(file.lines.count <= 600, "\(file.path) has \(file.lines.count) lines")
    }
}

@Test func `functions stay small enough to read`() {
    for file in sources {
        for function in functions(in: file) where function.length > 70 {
            Issue.record("\(file.path):\(function.line): a function of \(function.length) lines")
        }
    }
}

/// Functions with a body of several lines: from the declaration to the closing brace in the same column.
private func functions(in file: SourceFile) -> [(line: Int, length: Int)] {
    file.lines.indices.compactMap { start in
        let line = file.lines[start]
        let indent = line.prefix { $0 == " " }
        let words = line.dropFirst(indent.count)
        guard words.contains("func ") || words.hasPrefix("init") || words.hasPrefix("public init"),
            !words.hasPrefix("//")
        else {
            return nil
        }
        guard !words.hasSuffix("}"), let end = file.lines[start...].firstIndex(of: indent + "}") else { return nil }
        return (start + 1, end - start + 1)
    }
}

@Test func `nothing is left to be done in silence`() {
    for file in sources + tests where !file.path.hasPrefix("Tests/TidyTests") {
        for (index, line) in file.lines.enumerated() where line.contains("TODO") {
            #expect(line.contains("TODO(#"), "\(file.path):\(index + 1): a TODO names its issue")
        }
        for (index, line) in file.lines.enumerated() where line.hasSuffix(" ") {
            Issue.record("\(file.path):\(index + 1): trailing white space")
        }
    }
}

@Test func `tests do not sleep`() {
    for file in tests where !file.path.hasPrefix("Tests/TidyTests") {
        for (number, line) in file.code {
            for word in ["usleep(", "nanosleep(", "Task.sleep", " sleep("] where line.contains(word) {
                Issue.record("\(file.path):\(number): \(word): wait for the event, or inject the clock")
            }
        }
    }
}

@Test func `every page of the documentation has a title`() {
    for page in SourceTree.files(below: "docs", suffix: ".md") {
        #expect(page.lines.first?.hasPrefix("# ") == true, "\(page.path)")
    }
}

@Test func `the repository tells nothing of the machine it was written on`() {
    let pages = SourceTree.files(below: "docs", suffix: ".md") + SourceTree.files(below: "manifests", suffix: ".yaml")
    for file in sources + tests + pages where !file.path.hasPrefix("Tests/TidyTests") {
        for (index, line) in file.lines.enumerated() where line.contains("/work/") || line.contains("../shared") {
            Issue.record("\(file.path):\(index + 1): a path of one machine")
        }
    }
}

/// The numbers of vulnerabilities in a text, where `CVE-2022-1015, 1016` names two.
private func vulnerabilities(in text: some StringProtocol) -> Set<String> {
    var found: Set<String> = []
    for piece in text.split(separator: "CVE-").dropFirst(text.hasPrefix("CVE-") ? 0 : 1) {
        let (year, rest) = (piece.prefix(4), piece.dropFirst(5))
        for number in rest.prefix(while: { $0.isNumber || $0 == "," || $0 == " " }).split(whereSeparator: {
            !$0.isNumber
        }) {
            found.insert("CVE-\(year)-\(number)")
        }
    }
    return found
}

@Test func `every vulnerability of the documentation is in a test's name, or does not apply`() {
    let rows = SourceTree.text("docs/runtime.md").split(separator: "\n").filter { $0.hasPrefix("| CVE-") }
    #expect(rows.count > 30)
    var tested: Set<String> = []
    for file in SourceTree.files(below: "Tests", suffix: ".swift") {
        for line in file.lines where line.contains("func `CVE-") { tested.formUnion(vulnerabilities(in: line)) }
    }
    #expect(tested.count > 50)
    for row in rows where !row.contains("| not applicable: ") {
        let listed = vulnerabilities(in: row.dropFirst(2).prefix { $0 != ":" })
        #expect(!listed.isEmpty, "\(row)")
        #expect(listed.subtracting(tested).sorted() == [], "no test has these in its name")
    }
    let documented = rows.reduce(into: Set<String>()) { $0.formUnion(vulnerabilities(in: $1)) }
    #expect(tested.subtracting(documented).sorted() == [], "docs/runtime.md does not have these")
}
