import ContainerRuntime
import Linux
import Model
import PKI
import Testing

struct ImagesSelectionTests {
    private let other = ImagePlatform.host.architecture == "amd64" ? "arm64" : "amd64"

    private func platform(_ architecture: String, variant: String? = nil) -> JSONValue {
        var json: JSONValue = ["os": "linux", "architecture": .string(architecture)]
        if let variant { json["variant"] = .string(variant) }
        return json
    }

    private func image(_ name: String, _ change: (inout TestImageBuilder) -> Void = { _ in }) -> TestImageBuilder {
        TestImageBuilder([[.file(name)]], change)
    }

    @Test func `a tag selects an image; without one the choices are listed`() throws {
        let test = try TestStore()
        let store = try test.open()
        var layout = TestLayout()
        let one = layout.add(image("one"), tag: "1.0")
        let two = layout.add(image("two"), tag: "2.0")
        let reference = try test.layout(layout)
        #expect(try store.resolve("\(reference):1.0") == ImageID(one.text))
        #expect(try store.resolve("\(reference):2.0") == ImageID(two.text))
        #expect(try store.resolve("\(reference)@\(two)") == ImageID(two.text))
        let unclear = try #require(runtimeError { _ = try store.resolve(reference) })
        #expect(unclear.code == .invalid)
        #expect(unclear.message.contains(#"2 images to choose from; it has the tags "1.0", "2.0""#))
        let missing = try #require(runtimeError { _ = try store.resolve("\(reference):3.0") })
        #expect(missing.code == .notFound)
        #expect(missing.message.contains(#"no tag "3.0"; it has the tags "1.0", "2.0""#))
    }

    @Test func `the image for this machine is found in nested indexes, and by the index's digest`() throws {
        let test = try TestStore()
        let store = try test.open()
        var layout = TestLayout()
        layout.add(image("other") { $0.architecture = other }, platform: platform(other))
        let ours = layout.add(image("ours"), platform: platform(ImagePlatform.host.architecture))
        layout.add(image("attestation") { $0.architecture = "unknown" }, platform: platform("unknown"))
        let inner = layout.nest()
        let outer = layout.nest(tag: "web")
        let reference = try test.layout(layout)
        #expect(throws: RuntimeError.self) { try store.resolve("\(reference)@\(ours)") }
        for text in ["\(reference):web", "\(reference)@\(outer)"] {
            #expect(try store.resolve(text) == ImageID(ours.text))
        }
        try removeTree("\(test.root)/layout")
        for text in ["\(reference)@\(inner)", outer.text, ours.text] {
            #expect(try store.resolve(text) == ImageID(ours.text))
        }
    }

    @Test func `a variant beyond the machine's baseline is not chosen`() throws {
        let arm = ImagePlatform(architecture: "arm64", variant: "v8")
        #expect(arm.runs(ImagePlatform(architecture: "arm64")))
        #expect(arm.runs(ImagePlatform(architecture: "arm64", variant: "v8")))
        #expect(!arm.runs(ImagePlatform(architecture: "arm64", variant: "v9")))
        let intel = ImagePlatform(architecture: "amd64")
        #expect(intel.runs(ImagePlatform(architecture: "amd64", variant: "v1")))
        #expect(!intel.runs(ImagePlatform(architecture: "amd64", variant: "v3")))
        #expect(!intel.runs(ImagePlatform(operatingSystem: "windows", architecture: "amd64")))
    }

    @Test func `another platform's image is refused, and the error says what is there`() throws {
        let test = try TestStore()
        let store = try test.open()
        var layout = TestLayout()
        layout.add(image("x") { $0.architecture = other }, platform: platform(other, variant: "v8"))
        layout.add(image("y") { $0.architecture = "riscv64" }, platform: platform("riscv64"))
        _ = layout.nest()
        let index = try #require(runtimeError { _ = try store.resolve(try test.layout(layout)) })
        #expect(index.message.contains("it has linux/\(other)/v8, linux/riscv64"))
        let single = TestLayout(image("z") { $0.architecture = other })
        let config = try #require(runtimeError { _ = try store.resolve(try test.layout(single, "single")) })
        #expect(config.message.contains("the image is for linux/\(other)"))
    }

    @Test(arguments: ["2.0.0", "1.0"])
    func `a layout of another version is refused`(version: String) throws {
        let test = try TestStore()
        let store = try test.open()
        var layout = TestLayout(TestImageBuilder())
        layout.files[0].content = Array(#"{"imageLayoutVersion":"\#(version)"}"#.utf8)
        let error = runtimeError { _ = try store.resolve(try test.layout(layout)) }
        #expect(error?.message.contains("only 1.0.0 is") == true)
    }

    @Test(arguments: [
        ("manifests", "which makes it not a manifest"), ("fsLayers", "which makes it not a manifest"),
        ("mediaType", "but its descriptor says"), ("schemaVersion", "schemaVersion is not 2"),
        ("config", "an artifact"), ("layer", "are not supported"), ("digest", "is not a sha256 digest"),
    ])
    func `CVE-2021-41190: an ambiguous or foreign manifest is refused`(change: String, message: String) throws {
        let test = try TestStore()
        let store = try test.open()
        let image = TestImageBuilder {
            $0.changeManifest = { manifest in
                switch change {
                case "mediaType": manifest["mediaType"] = "application/vnd.oci.image.index.v1+json"
                case "schemaVersion": manifest["schemaVersion"] = 1
                case "config": manifest["config"]?["mediaType"] = "application/vnd.example+json"
                case "digest": manifest["config"]?["digest"] = "sha256:../../../etc/passwd"
                case "layer":
                    var layer = manifest["layers"]?.array?.first
                    layer?["mediaType"] = "application/vnd.oci.image.layer.v1.tar+lz4"
                    manifest["layers"] = .array([layer ?? .null])
                default: manifest[change] = []
                }
            }
        }
        let error = try #require(runtimeError { _ = try store.resolve(try test.layout(TestLayout(image))) })
        #expect(error.code == .badImage)
        #expect(error.message.contains(message), "\(error)")
        #expect(try store.list().isEmpty)
    }

    @Test func `CVE-2023-25153: documents beyond 4 MiB are not read`() throws {
        let test = try TestStore()
        let store = try test.open()
        let image = TestImageBuilder { $0.config = ["Labels": ["x": .string(String(repeating: "x", count: 5 << 20))]] }
        let error = runtimeError { _ = try store.resolve(try test.layout(TestLayout(image))) }
        #expect(error?.code == .badImage)
        let layout = TestLayout(TestImageBuilder())
        let reference = try test.layout(layout, "other")
        try writeDurably("\(test.root)/other/index.json", [UInt8](repeating: 0x20, count: 5 << 20))
        #expect(runtimeError { _ = try store.resolve(reference) }?.message.contains("is larger than 4194304") == true)
    }
}
