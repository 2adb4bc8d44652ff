import ContainerRuntime
import Glibc
import Linux
import Model
import PKI
import Testing

/// Builds images as files in memory, then as a layout directory or an archive on disk.
struct TestImageBuilder {
    /// The layers' tar archives, the bottom one first.
    var layers: [[UInt8]] = []
    var compression = Compression.gzip
    var architecture = ImagePlatform.host.architecture
    var config: JSONValue = ["Cmd": ["/bin/true"]]
    /// Replaces what the configuration says its layers unpack to.
    var diffIDs: [Digest]?
    /// Changes the manifest before its digest is taken.
    var changeManifest: (inout JSONValue) -> Void = { _ in }

    init(_ layers: [[TarEntry]] = [[.file("hello", "hi")]], _ change: (inout TestImageBuilder) -> Void = { _ in }) {
        self.layers = layers.map { tar($0) }
        change(&self)
    }

    /// Named files of a layout without its index, and the manifest's descriptor.
    func build() -> (files: [(name: String, content: [UInt8])], manifest: JSONValue) {
        var files: [(name: String, content: [UInt8])] = []
        func add(_ content: [UInt8], _ mediaType: String) -> JSONValue {
            let digest = Digest(of: content)
            files.append(("blobs/sha256/\(digest.hex)", content))
            return [
                "mediaType": .string(mediaType), "digest": .string(digest.text), "size": .integer(Int64(content.count)),
            ]
        }
        let layerType = "application/vnd.oci.image.layer.v1.tar\(compression.rawValue)"
        let descriptors = layers.map { add(compression.compress($0), layerType) }
        let configuration: JSONValue = [
            "os": "linux", "architecture": .string(architecture), "config": config,
            "rootfs": [
                "type": "layers",
                "diff_ids": .array((diffIDs ?? layers.map { Digest(of: $0) }).map { .string($0.text) }),
            ],
        ]
        var manifest: JSONValue = [
            "schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json",
            "config": add(configuration.serialized(), "application/vnd.oci.image.config.v1+json"),
            "layers": .array(descriptors),
        ]
        changeManifest(&manifest)
        let descriptor = add(manifest.serialized(), "application/vnd.oci.image.manifest.v1+json")
        return (files, descriptor)
    }
}

/// Files of an OCI layout, with more than one image perhaps.
struct TestLayout {
    var files: [(name: String, content: [UInt8])] = [
        ("oci-layout", Array(#"{"imageLayoutVersion":"1.0.0"}"#.utf8))
    ]
    var entries: [JSONValue] = []

    init(_ image: TestImageBuilder, tag: String? = nil) { add(image, tag: tag) }
    init() {}

    @discardableResult
    mutating func add(_ image: TestImageBuilder, tag: String? = nil, platform: JSONValue? = nil) -> Digest {
        let built = image.build()
        files += built.files
        return add(descriptor: built.manifest, tag: tag, platform: platform)
    }

    @discardableResult
    mutating func add(descriptor: JSONValue, tag: String? = nil, platform: JSONValue? = nil) -> Digest {
        var descriptor = descriptor
        if let tag { descriptor["annotations"] = ["org.opencontainers.image.ref.name": .string(tag)] }
        if let platform { descriptor["platform"] = platform }
        entries.append(descriptor)
        return Digest(descriptor["digest"]?.string ?? "") ?? Digest(of: [])
    }

    /// Puts all entries so far behind one index.
    mutating func nest(tag: String? = nil) -> Digest {
        let index: JSONValue = [
            "schemaVersion": 2, "mediaType": "application/vnd.oci.image.index.v1+json", "manifests": .array(entries),
        ]
        let content = index.serialized()
        entries = []
        files.append(("blobs/sha256/\(Digest(of: content).hex)", content))
        return add(
            descriptor: [
                "mediaType": "application/vnd.oci.image.index.v1+json", "digest": .string(Digest(of: content).text),
                "size": .integer(Int64(content.count)),
            ], tag: tag)
    }

    var allFiles: [(name: String, content: [UInt8])] {
        let index: JSONValue = ["schemaVersion": 2, "manifests": .array(entries)]
        return files + [("index.json", index.serialized())]
    }

    /// Writes the layout into a directory.
    func write(to directory: String) throws {
        for (name, content) in allFiles {
            try makeDirectories(parentDirectory(of: "\(directory)/\(name)"))
            try writeDurably("\(directory)/\(name)", content)
        }
    }

    /// The layout as one archive.
    var archive: [UInt8] {
        tar(
            allFiles.map { name, content in
                TarEntry(name) { $0.content = content }
            })
    }
}

/// A store in a directory of its own, removed with it.
final class TestStore {
    let root: String
    var path: String { "\(root)/store" }
    private var opened: LocalImageStore?

    init() throws {
        var template = Array("/tmp/martlet-test-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else { throw LinuxError.last("mkdtemp") }
        root = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    deinit {
        opened = nil
        try? removeTree(root)
    }

    func open(
        unpacker: any LayerUnpacker = InProcessUnpacker(), limits: UnpackLimits = UnpackLimits()
    ) throws -> LocalImageStore {
        let store = try LocalImageStore(directory: path, unpacker: unpacker, limits: limits, now: { 42 })
        opened = store
        return store
    }

    /// Writes a layout and returns the reference of it.
    func layout(_ layout: TestLayout, _ name: String = "layout") throws -> String {
        try layout.write(to: "\(root)/\(name)")
        return "oci:\(root)/\(name)"
    }

    func file(_ name: String, _ content: [UInt8]) throws -> String {
        try writeDurably("\(root)/\(name)", content)
        return "\(root)/\(name)"
    }

    /// Imports and unpacks an image of one layer; the directory that it is in.
    func unpack(
        _ entries: [TarEntry], compression: Compression = .none, unpacker: any LayerUnpacker = InProcessUnpacker(),
        limits: UnpackLimits = UnpackLimits()
    ) throws -> String {
        let store = try open(unpacker: unpacker, limits: limits)
        let image = TestImageBuilder([entries]) { $0.compression = compression }
        let id = try store.resolve(try layout(TestLayout(image)))
        return try #require(try store.unpacked(id).layerDirectories.first)
    }
}

/// The runtime error that something throws.
func runtimeError(_ body: () throws -> Void) -> RuntimeError? {
    do {
        try body()
        return nil
    } catch {
        return error as? RuntimeError
    }
}

/// A file's status, of a link itself.
func status(_ path: String) -> stat? {
    var status = stat()
    return lstat(path, &status) == 0 ? status : nil
}
