import ContainerRuntime
import Linux
import Model
import PKI
import Testing

struct ImagesImportTests {
    @Test(arguments: Compression.allCases)
    func `an image of a layout is imported, unpacked and described`(compression: Compression) throws {
        let test = try TestStore()
        let store = try test.open()
        let image = TestImageBuilder([[.file("a", "lower")], [.file("b", "upper")]]) {
            $0.compression = compression
            $0.config = [
                "Entrypoint": ["/bin/sh"], "Cmd": ["-c", "true"], "Env": ["A=b"], "WorkingDir": "/srv", "User": "web",
                "StopSignal": "SIGINT", "ExposedPorts": ["8080/tcp": [:]], "Volumes": ["/../../etc": [:]],
                "Labels": ["a": "b"], "Unknown": 1,
            ]
        }
        let id = try store.resolve(try test.layout(TestLayout(image)))
        let unpacked = try store.unpacked(id)
        #expect(unpacked.id == id)
        #expect(try unpacked.layerDirectories.map { try listDirectory($0) } == [["b"], ["a"]])
        #expect(try readText("\(unpacked.layerDirectories[0])/b") == "upper")
        var expected = ImageConfiguration()
        expected.entrypoint = ["/bin/sh"]
        expected.command = ["-c", "true"]
        expected.environment = ["A=b"]
        expected.workingDirectory = "/srv"
        expected.user = "web"
        expected.stopSignal = "SIGINT"
        expected.exposedPorts = ["8080/tcp"]
        #expect(unpacked.configuration == expected)
    }

    @Test func `an image without layers has an empty directory below it`() throws {
        let test = try TestStore()
        let store = try test.open()
        let id = try store.resolve(try test.layout(TestLayout(TestImageBuilder([]))))
        let directories = try store.unpacked(id).layerDirectories
        #expect(directories.count == 1)
        #expect(try listDirectory(directories[0]).isEmpty)
    }

    @Test func `a layer that occurs twice is one directory, where the upper one was`() throws {
        let test = try TestStore()
        let store = try test.open()
        let image = TestImageBuilder([[.file("a")], [.file("b")], [.file("a")]])
        let id = try store.resolve(try test.layout(TestLayout(image)))
        #expect(try store.unpacked(id).layerDirectories.map { try listDirectory($0) } == [["a"], ["b"]])
    }

    @Test func `a directory is an image as it is`() throws {
        let test = try TestStore()
        let store = try test.open()
        let id = try store.resolve("rootfs:\(test.root)/")
        #expect(id == ImageID("rootfs:\(test.root)"))
        #expect(
            try store.unpacked(id)
                == UnpackedImage(id: id, layerDirectories: [test.root], configuration: ImageConfiguration()))
        #expect(try store.list().isEmpty)
        #expect(runtimeError { _ = try store.resolve("rootfs:\(test.root)/missing") }?.code == .notFound)
    }

    @Test(arguments: [
        ("oci:layout", "write it as an absolute path"), ("rootfs:./x", "write it as an absolute path"),
        ("rootfs:/x@sha256:\(String(repeating: "0", count: 64))", "a directory has no digest"),
        ("oci:/x:", "the tag is empty"), ("oci:/x@sha256:123", "is not a sha256 digest"),
        ("oci:/x@sha512:123", "is not a sha256 digest"), ("sha256:XYZ", "lower-case hexadecimal"), ("", "empty"),
        ("oci:/a\u{0}b", "control characters"),
    ])
    func `a malformed reference says what is wrong with it`(reference: String, message: String) throws {
        let test = try TestStore()
        let store = try test.open()
        let error = try #require(runtimeError { _ = try store.resolve(reference) })
        #expect(error.code == .invalid)
        #expect(error.message.contains(message))
    }

    @Test(arguments: [
        "registry.example.com/x:1", "nginx", "localhost:5000/x@sha256:\(String(repeating: "0", count: 64))",
    ])
    func `a registry's image is not found, and the error says how to bring it here`(reference: String) throws {
        let test = try TestStore()
        let store = try test.open()
        let error = try #require(runtimeError { _ = try store.resolve(reference) })
        #expect(error.code == .notFound)
        #expect(error.message.contains("pulling from registries is not available yet"))
        #expect(error.message.contains("martlet image import"))
    }

    @Test func `a pinned image that is here is not read again`() throws {
        let test = try TestStore()
        let store = try test.open()
        let reference = try test.layout(TestLayout(TestImageBuilder()))
        let id = try store.resolve(reference)
        try removeTree("\(test.root)/layout")
        #expect(try store.resolve("\(reference)@\(id)") == id)
        #expect(try store.resolve(id.text) == id)
        #expect(try store.resolve(String(id.text.prefix(15))) == id)
        #expect(try store.resolve(reference) == id)
    }

    @Test func `a pin that does not match is refused`() throws {
        let test = try TestStore()
        let store = try test.open()
        let reference = try test.layout(TestLayout(TestImageBuilder()))
        let other = Digest(of: [1])
        #expect(runtimeError { _ = try store.resolve("\(reference)@\(other)") }?.code == .notFound)
        #expect(try store.list().isEmpty)
    }

    @Test func `archives hold the same images as layouts, compressed or not`() throws {
        let test = try TestStore()
        let store = try test.open()
        let layout = TestLayout(TestImageBuilder(), tag: "registry.example.com/web:1.0")
        let id = try store.resolve(try test.layout(layout))
        for compression in Compression.allCases {
            let path = try test.file("archive\(compression.rawValue)", compression.compress(layout.archive))
            #expect(try store.resolve("oci-archive:\(path):registry.example.com/web:1.0") == id)
        }
        #expect(try store.list().map(\.references.count) == [4])
    }

    @Test func `hack/make-image makes the same image every time, and it runs as an unprivileged user`() throws {
        let test = try TestStore()
        let store = try test.open(unpacker: Unpacker.helper.make())
        let script = parentDirectory(of: parentDirectory(of: parentDirectory(of: #filePath))) + "/hack/make-image"
        let references = try ["a", "b"].map { name in
            try run([script, "\(test.root)/\(name)", "--tag", "1.0", "--text", "it's \"1.0\""]).dropLast()
        }
        let ids = try references.map { try store.resolve(String($0)) }
        #expect(ids[0] == ids[1])
        let image = try store.unpacked(ids[0])
        #expect(image.configuration.user == "1000:1000")
        #expect(image.configuration.entrypoint.prefix(2) == ["/bin/busybox", "httpd"])
        #expect(try readText("\(image.layerDirectories[0])/www/index.html") == "it's \"1.0\"\n")
        #expect(status("\(image.layerDirectories[0])/bin/busybox")?.permissions == 0o755)
    }

    @Test(arguments: [true, false])
    func `an archive of docker save is imported`(modern: Bool) throws {
        let test = try TestStore()
        let store = try test.open()
        var image = TestImageBuilder([[.file("a")], [.file("b")], [.file("a")]])
        image.compression = .none
        let path = try test.file("docker", dockerArchive(image, modern: modern))
        let id = try store.resolve("docker-archive:\(path)")
        #expect(try store.unpacked(id).layerDirectories.map { try listDirectory($0) } == [["a"], ["b"]])
        #expect(try store.unpacked(id).configuration.command == ["/bin/true"])
        #expect(try store.resolve("docker-archive:\(path):web:1.0") == id)
        #expect(try store.resolve("docker-archive:\(path):1.0") == id)
        #expect(try store.resolve("docker-archive:\(path)@\(id)") == id)
        let error = runtimeError { _ = try store.resolve("docker-archive:\(path):2.0") }
        #expect(error?.message.contains(#"it has the tags "web:1.0""#) == true)
    }
}

/// What `docker save web:1.0` writes: before version 25 with directories and links, since then as an OCI layout too.
private func dockerArchive(_ image: TestImageBuilder, modern: Bool) -> [UInt8] {
    let files = image.build().files
    let config = files[image.layers.count]
    if modern {
        let manifest: JSONValue = [
            [
                "Config": .string(config.name), "RepoTags": ["web:1.0"],
                "Layers": .array((0..<image.layers.count).map { .string(files[$0].name) }),
            ]
        ]
        let all = TestLayout(image, tag: "1.0").allFiles + [("manifest.json", manifest.serialized())]
        return tar(all.map { name, content in TarEntry(name) { $0.content = content } })
    }
    let names = (0..<image.layers.count).map { "layer\($0)/layer.tar" }
    let configName = "\(Digest(of: config.content).hex).json"
    let manifest: JSONValue = [
        ["Config": .string(configName), "RepoTags": ["web:1.0"], "Layers": .array(names.map { .string($0) })]
    ]
    var entries = [TarEntry(configName) { $0.content = config.content }]
    for (index, name) in names.enumerated() {
        if let first = image.layers.firstIndex(of: image.layers[index]), first < index {
            entries.append(.symbolicLink(name, to: "../\(names[first])"))
        } else {
            entries.append(TarEntry(name) { $0.content = image.layers[index] })
        }
    }
    return tar(entries + [TarEntry("manifest.json") { $0.content = manifest.serialized() }])
}
