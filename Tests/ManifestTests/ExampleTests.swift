import Glibc
import Manifest
import Model
import Testing

/// The repository's example manifests.
enum Examples {
    /// The repository's root, found from this file's place in it.
    static let root = "/" + #filePath.split(separator: "/").dropLast(3).joined(separator: "/")

    /// The names in a folder of the repository that end so, in order.
    static func names(in folder: String, ending: String) -> [String] {
        guard let stream = opendir("\(root)/\(folder)") else { return [] }
        defer { closedir(stream) }
        var names: [String] = []
        while let entry = readdir(stream) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) { pointer in
                pointer.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if name.hasSuffix(ending), !name.hasPrefix(".") { names.append(name) }
        }
        return names.sorted()
    }

    /// The bytes of a file of the repository; empty when there is none.
    static func bytes(_ path: String) -> [UInt8] {
        guard let file = fopen("\(root)/\(path)", "re") else { return [] }
        defer { fclose(file) }
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 64 << 10)
        while true {
            let count = fread(&chunk, 1, chunk.count, file)
            if count == 0 { return bytes }
            bytes += chunk.prefix(count)
        }
    }

    /// Whether this run writes the files that are derived from the sources instead of comparing them.
    static let isUpdating = getenv("MARTLET_UPDATE_DOCS") != nil

    /// Compares a derived file with what it is derived to be, or writes it.
    static func check(_ path: String, is text: String, sourceLocation: SourceLocation = #_sourceLocation) {
        if isUpdating {
            guard let file = fopen("\(root)/\(path)", "we") else {
                Issue.record("cannot write \(path)", sourceLocation: sourceLocation)
                return
            }
            fputs(text, file)
            fclose(file)
        }
        let found = String(decoding: bytes(path), as: UTF8.self)
        #expect(
            found == text, "\(path) is out of date: run hack/update-docs and look at the change",
            sourceLocation: sourceLocation)
    }
}

@Suite struct ExampleTests {
    @Test func `the examples are found`() {
        #expect(
            Examples.names(in: "manifests", ending: ".yaml") == ["config.yaml", "full.yaml", "web.yaml", "worker.yaml"])
        #expect(Examples.names(in: "manifests/invalid", ending: ".yaml").count > 15)
    }

    @Test(arguments: Examples.names(in: "manifests", ending: ".yaml"))
    func `an example is valid, before and after its defaults, and decodes`(name: String) throws {
        let documents = try ManifestReader().read(["\(Examples.root)/manifests/\(name)"])
        #expect(!documents.isEmpty)
        for document in documents {
            let defaulted = Defaults.applied(to: document.document, type: document.type)
            #expect(Validation.errors(in: defaulted, type: document.type, strict: true).map(\.description) == [])
            #expect(Defaults.applied(to: defaulted, type: document.type) == defaulted)
            switch document.type {
            case .app: _ = try App(json: defaulted)
            case .configMap: _ = try ConfigMap(json: defaulted)
            case .secret: _ = try Secret(json: defaulted)
            default: Issue.record("no example has a \(document.type.kind)")
            }
            let stream = ManifestReader.values(in: Array(defaulted.yaml.utf8))
            #expect(stream.values == [defaulted])
        }
    }

    @Test func `every field of the App's schema is in the full example`() throws {
        let document = try ManifestReader().read(["\(Examples.root)/manifests/full.yaml"])[0].document
        var missing: [String] = []
        Self.collectMissing(document, Schema.of(.app), at: "", into: &missing)
        // Set by the server, alternatives of what the example shows, or for containers what it shows for the main one.
        let excused = ["metadata.", "status", "spec.replicas", "spec.initContainers", "spec.sidecars"]
        #expect(
            missing.filter { path in !excused.contains(where: path.hasPrefix) } == [
                "spec.health.startup.tcp", "spec.health.startup.exec", "spec.health.startup.grpc",
                "spec.health.startup.initialDelay",
            ])
    }

    /// The fields that no element of the document has, lists taken together; probes are looked at once.
    private static func collectMissing(
        _ value: JSONValue?, _ schema: Schema, at path: String, into missing: inout [String]
    ) {
        if ["spec.health.readiness", "spec.health.liveness"].contains(path) { return }
        switch schema {
        case .object(let fields, _, _):
            for field in fields {
                let place = path.isEmpty ? field.name : "\(path).\(field.name)"
                let member = value?[field.name]
                if member == nil,
                    !(place.hasPrefix("spec.health.startup.")
                        && !["tcp", "exec", "grpc", "initialDelay"].contains(field.name))
                {
                    missing.append(place)
                } else {
                    collectMissing(member, field.schema, at: place, into: &missing)
                }
            }
        case .array(let items, _, _, _):
            guard case .object = items else { return }
            var merged = JSONObject()
            for member in (value?.array ?? []).flatMap({ $0.object?.members ?? [] }) {
                merged[member.name] = member.value
            }
            collectMissing(.object(merged), items, at: path + "[]", into: &missing)
        default: break
        }
    }

    @Test(arguments: Examples.names(in: "manifests/invalid", ending: ".yaml"))
    func `an invalid example is refused with the message beside it`(name: String) {
        var found = ""
        do throws(ManifestErrors) {
            _ = try ManifestReader().read(Examples.bytes("manifests/invalid/\(name)"), file: name)
        } catch {
            found = error.description + "\n"
        }
        #expect(!found.isEmpty, "\(name) is accepted")
        Examples.check("manifests/invalid/\(name).expected", is: found)
    }

    @Test func `the manifest reference is up to date`() {
        Examples.check("docs/manifest.md", is: ManifestPage.text)
    }
}

/// The page of the documentation that is derived from the schemas.
enum ManifestPage {
    static var text: String {
        let types: [ResourceType] = [.app, .configMap, .secret, .namespace]
        let sections = types.map { type in
            "## \(type.kind) (`\(type.apiVersion)`)\n\n\(Schema.reference(for: type))"
        }
        return head + "\n" + sections.joined(separator: "\n")
    }

    private static let head = """
        # The manifest

        Every field of the kinds that people write, derived from the schemas in `Sources/Model/Schema` by `hack/update-docs`;
        a test keeps this page up to date. `manifests/full.yaml` shows all of an App's fields in use.

        Durations are strings such as `10s` or `1m30s`, sizes and CPU are quantities such as `128Mi` or `250m`, counts that may
        be relative are a number or a percentage. What is unset gets the default; fields that are not listed are mistakes.

        """
}
