import Glibc
import Manifest
import Model
import Testing

/// A directory of files that is removed at the end.
final class Scratch {
    let path: String

    init(_ files: [String: String] = [:]) throws {
        var template = Array("/tmp/martlet-test-manifest-XXXXX".utf8CString.dropLast()) + Array("X".utf8CString)
        path = try #require(mkdtemp(&template).map { String(cString: $0) })
        for (name, text) in files { try write(name, Array(text.utf8)) }
    }

    func write(_ name: String, _ bytes: [UInt8]) throws {
        if let slash = name.lastIndex(of: "/") { mkdir("\(path)/\(name[..<slash])", 0o755) }
        let file = try #require(fopen("\(path)/\(name)", "we"))
        fwrite(bytes, 1, bytes.count, file)
        fclose(file)
    }

    deinit { Self.removeAll(path) }

    private static func removeAll(_ path: String) {
        if let stream = opendir(path) {
            var names: [String] = []
            while let entry = readdir(stream) {
                names.append(
                    withUnsafePointer(to: &entry.pointee.d_name) { pointer in
                        pointer.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
                    })
            }
            closedir(stream)
            for name in names where name != "." && name != ".." { removeAll("\(path)/\(name)") }
        }
        remove(path)
    }
}

private func namespace(_ name: String) -> String { "apiVersion: v1\nkind: Namespace\nmetadata: {name: \(name)}\n" }

@Suite struct ManifestReaderTests {
    /// The names of the objects, or the errors with the scratch directory's path cut off.
    private func read(_ scratch: Scratch, _ names: String..., recursive: Bool = false) -> [String] {
        do throws(ManifestErrors) {
            let sources = names.map { $0.isEmpty ? scratch.path : "\(scratch.path)/\($0)" }
            return try ManifestReader().read(sources, recursive: recursive).map(\.name)
        } catch {
            return error.errors.map {
                String($0.description.dropFirst(scratch.path.count + ($0.file == scratch.path ? 0 : 1)))
            }
        }
    }

    @Test func `files and directories are read in order`() throws {
        let scratch = try Scratch([
            "b.yaml": namespace("b"), "a.yml": namespace("a1") + "---\n" + namespace("a2"),
            "c.json": "{\"apiVersion\": \"v1\", \"kind\": \"Namespace\", \"metadata\": {\"name\": \"c\"}}",
            "readme.txt": "not yaml: [", ".hidden.yaml": "[", "sub/d.yaml": namespace("d"),
        ])
        #expect(read(scratch, "") == ["a1", "a2", "b", "c"])
        #expect(read(scratch, "", recursive: true) == ["a1", "a2", "b", "c", "d"])
        #expect(read(scratch, "b.yaml", "a.yml") == ["b", "a1", "a2"])
        #expect(read(scratch, "sub") == ["d"])
    }

    @Test func `the place of every object is known`() throws {
        let documents = try ManifestReader().read(
            Array(("# comment\n" + namespace("a") + "---\n" + namespace("b")).utf8), file: "x.yaml")
        #expect(documents.map(\.origin.description) == ["x.yaml:2", "x.yaml:6"])
        #expect(documents.map(\.type) == [.namespace, .namespace])
    }

    @Test func `a List is taken apart`() throws {
        let text =
            "apiVersion: v1\nkind: List\nitems:\n- " + namespace("a").replacing("\n", with: "\n  ") + "\n- "
            + namespace("b").replacing("\n", with: "\n  ")
        let documents = try ManifestReader().read(Array(text.utf8), file: "x.yaml")
        #expect(documents.map(\.name) == ["a", "b"])
        #expect(documents.map(\.origin.line) == [4, 8])
    }

    @Test func `everything wrong in all files is told at once`() throws {
        let scratch = try Scratch([
            "a.yaml": "kind: Namespace\n", "b.yaml": namespace("B"), "c.yaml": "a: [\n", "d.yaml": namespace("d"),
        ])
        let found = read(scratch, "")
        #expect(found.count == 3)
        #expect(found[0] == "a.yaml:1:1: apiVersion: must be set")
        #expect(found[1].hasPrefix("b.yaml:3:18: metadata.name: expected at most 63"))
        #expect(found[2].hasPrefix("c.yaml:2:1: "))
    }

    @Test func `what is no manifest is refused in so many words`() throws {
        let scratch = try Scratch([
            "empty.yaml": "", "comment.yaml": "# nothing\n---\n", "sub/readme.md": "", "list.yaml": "[]",
            "list.json": "[]", "bad.json": "{\n  \"a\": x}",
        ])
        mkfifo("\(scratch.path)/fifo", 0o600)
        #expect(read(scratch, "missing.yaml") == ["missing.yaml: no such file or directory"])
        #expect(read(scratch, "fifo") == ["fifo: not a regular file; pipe its content in with -f -"])
        #expect(read(scratch, "sub") == ["sub: no *.yaml, *.yml or *.json file in this directory"])
        #expect(read(scratch, "empty.yaml") == ["empty.yaml: declares no object"])
        #expect(read(scratch, "comment.yaml") == ["comment.yaml: declares no object"])
        #expect(
            read(scratch, "list.yaml") == ["list.yaml:1:1: expected an object with apiVersion and kind, found a list"])
        #expect(read(scratch, "bad.json") == ["bad.json:2:8: unexpected character"])
    }

    @Test(arguments: [
        ("/dev/zero", "/dev/zero: not a regular file; pipe its content in with -f -"),
        (
            "https://example.com/a.yaml",
            "https://example.com/a.yaml: URLs are not read; download it, or pipe it in: curl -fsSL https://example.com/a.yaml | martlet apply -f -"
        ),
        ("", "-f: the path is empty"),
    ])
    func `sources that are no files are refused`(source: String, message: String) {
        let error = #expect(throws: ManifestErrors.self) { try ManifestReader().read([source]) }
        #expect(error?.description == message)
    }

    @Test func `a file that may not be read says so`() throws {
        let scratch = try Scratch(["a.yaml": namespace("a")])
        try #require(symlink("loop", "\(scratch.path)/loop") == 0)
        #expect(read(scratch, "loop") == ["loop: too many levels of symbolic links"])
    }

    @Test func `a large file is refused without being read`() throws {
        let scratch = try Scratch()
        let file = try #require(fopen("\(scratch.path)/large.yaml", "we"))
        try #require(ftruncate(fileno(file), 1 << 40) == 0)
        fclose(file)
        #expect(read(scratch, "large.yaml") == ["large.yaml: larger than 4Mi, the most that is read"])
    }

    @Test func `a hostile text takes bounded memory`() throws {
        var bomb = "a0: &a0 [\(Array(repeating: "x", count: 100).joined(separator: ", "))]\n"
        for level in 1...9 {
            bomb +=
                "a\(level): &a\(level) [\(Array(repeating: "*a\(level - 1)", count: 100).joined(separator: ", "))]\n"
        }
        let scalar = "a: " + String(repeating: "x", count: 10 << 20)
        let deep = String(repeating: "[", count: 1 << 20)
        let keys = (0..<400_000).map { "k\($0): " }.joined(separator: "\n")
        for text in [bomb, scalar, deep, keys] {
            let before = peakMemory()
            #expect(throws: ManifestErrors.self) { try ManifestReader().read(Array(text.utf8), file: "x.yaml") }
            #expect(peakMemory() - before < 400 << 20)
        }
    }

    /// The most memory that this process has had, in bytes.
    private func peakMemory() -> Int {
        var usage = rusage()
        getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
        return usage.ru_maxrss << 10
    }

    @Test func `an object declared twice is refused with both places`() throws {
        let scratch = try Scratch(["a.yaml": namespace("a"), "b.yaml": namespace("b") + "---\n" + namespace("a")])
        #expect(read(scratch, "") == ["b.yaml:5:1: Namespace \"a\" is already declared at \(scratch.path)/a.yaml:1"])
    }

    @Test func `JSON is read as JSON, with the places of its fields`() throws {
        let emoji =
            "{\"apiVersion\":\"v1\",\"kind\":\"ConfigMap\",\"metadata\":{\"name\":\"c\"},\"data\":{\"a\":\"\\ud83d\\ude42\"}}"
        for file in ["x.json", "standard input"] {
            let documents = try ManifestReader().read(Array(emoji.utf8), file: file)
            #expect(documents.first?.document["data"]?["a"] == "🙂")
        }
        let wrong = "{\n\t\"apiVersion\": \"v1\",\n\t\"kind\": \"Namespace\",\n\t\"metadata\": {\"nam\": \"a\"}\n}"
        let error = #expect(throws: ManifestErrors.self) {
            try ManifestReader().read(Array(wrong.utf8), file: "x.json")
        }
        #expect(
            error?.errors.map(\.description) == [
                "x.json:4:2: metadata.name: must be set",
                "x.json:4:15: metadata.nam: unknown field; did you mean \"name\"?",
            ])
    }

    @Test func `an error carries its parts`() throws {
        let text =
            "apiVersion: martlet.dev/v1\nkind: App\nmetadata:\n  name: web\nspec:\n  image: web:1\n  rollout:\n    strategy: rolling\n"
        let error = #expect(throws: ManifestErrors.self) {
            try ManifestReader().read(Array(text.utf8), file: "web.yaml")
        }
        let first = try #require(error?.errors.first)
        #expect((first.file, first.line, first.column) == ("web.yaml", 8, 15))
        #expect(first.path?.description == "spec.rollout.strategy")
        #expect(first.found == "\"rolling\"")
        #expect(first.suggestion == "Rolling")
        #expect(first.allowed == ["Rolling", "BlueGreen", "Canary", "Recreate"])
    }

    @Test func `the manifest's text is kept apart from its meaning`() throws {
        let text =
            "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c}\ndata: {A: \"yes\", b: on, c: 1.10.1, d: '007'}\n"
        let documents = try ManifestReader().read(Array(text.utf8), file: "x.yaml")
        #expect(documents[0].document["data"] == ["A": "yes", "b": "on", "c": "1.10.1", "d": "007"])
    }
}
