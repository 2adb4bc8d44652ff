import ContainerRuntime
import Glibc
import Linux
import PKI
import Testing

/// An archive from somebody who means harm. `CANARY` in it stands for a directory outside the layer.
struct HostileArchive: Sendable, CustomTestStringConvertible {
    var testDescription: String
    var entries: @Sendable (_ canary: String) -> [TarEntry]

    init(_ description: String, _ entries: @escaping @Sendable (String) -> [TarEntry]) {
        testDescription = description
        self.entries = entries
    }

    /// Those that are refused as a whole.
    static let refused: [HostileArchive] = [
        .init("a path upwards") { _ in [.file("../../../canary/owned")] },
        .init("a path upwards in the middle") { _ in [.directory("a"), .file("a/../../../../canary/owned")] },
        .init("a path upwards in a pax header") { _ in
            [TarEntry("harmless") { $0.pax = [("path", Array("../../../canary/owned".utf8))] }]
        },
        .init("a file over an absolute link") { [.symbolicLink("out", to: $0), .file("out/owned")] },
        .init("a file over a relative link") { _ in
            [.symbolicLink("out", to: "../../../../../canary"), .file("out/owned")]
        },
        .init("a file over a chain of links") { canary in
            [.symbolicLink("a", to: "b/c"), .directory("b"), .symbolicLink("b/c", to: canary), .file("a/owned")]
        },
        .init("a link that leads to itself") { _ in [.symbolicLink("a", to: "a"), .file("a/x")] },
        .init("a hard link to an absolute path") { [.hardLink("stolen", to: "\($0)/file")] },
        .init("a hard link to a path upwards") { _ in [.hardLink("stolen", to: "../../../canary/file")] },
        .init("a hard link over a link") { [.symbolicLink("out", to: $0), .hardLink("stolen", to: "out/file")] },
        .init("a hard link to a directory") { _ in [.directory("d"), .hardLink("x", to: "d")] },
        .init("a hard link to nothing") { _ in [.hardLink("x", to: "missing")] },
        .init("a whiteout over a link") { [.symbolicLink("out", to: $0), .file("out/.wh.file")] },
        .init("an opaque mark over a link") { [.symbolicLink("out", to: $0), .file("out/.wh..wh..opq")] },
        .init("a whiteout of nothing") { _ in [.file(".wh.")] },
        .init("a whiteout of the directory itself") { _ in [.file("a/.wh..")] },
        .init("a whiteout of the directory above") { _ in [.file(".wh...")] },
        .init("a file below a whiteout") { _ in [.file(".wh.../x")] },
        .init("a file below an opaque mark") { _ in [.file(".wh..wh..opq/x")] },
        .init("a hard link to a whiteout") { _ in [.file(".wh.a"), .hardLink("b", to: ".wh.a")] },
        .init("an owner beyond 32 bits") { _ in [TarEntry("x") { $0.pax = [("uid", Array("4294967296".utf8))] }] },
        .init("an owner that means none") { _ in [TarEntry("x") { $0.pax = [("gid", Array("4294967295".utf8))] }] },
        .init("a name that is too long") { _ in
            [TarEntry("x") { $0.pax = [("path", [UInt8](repeating: 97, count: 256))] }]
        },
        .init("too deep a path") { _ in
            [TarEntry("x") { $0.pax = [("path", Array(String(repeating: "d/", count: 300).utf8))] }]
        },
        .init("a file below a file") { _ in [.file("a"), .file("a/b")] },
        .init("a pax header that is malformed") { _ in
            [
                TarEntry("h") {
                    $0.type = "x"; $0.content = Array("99 path=../x\n".utf8)
                }, .file("x"),
            ]
        },
    ]

    /// Those that harm nobody: what they ask for is done within the layer.
    static let contained: [HostileArchive] = [
        .init("an absolute path") { [.file("\($0)/file", "owned")] },
        .init("a file over a link of its own name") { [.symbolicLink("f", to: "\($0)/file"), .file("f", "owned")] },
        .init("a directory over a link") {
            [.symbolicLink("d", to: $0), .directory("d", mode: 0o777), .file("d/file", "owned")]
        },
        .init("a hard link to a link, then a file") {
            [.symbolicLink("l", to: "\($0)/file"), .hardLink("h", to: "l"), .file("h", "owned")]
        },
        .init("a link with a mode and an owner") { canary in
            [
                TarEntry("l") {
                    $0.type = "2"; $0.link = Array("\(canary)/file".utf8); $0.mode = 0o4777; $0.owner = 12345
                }
            ]
        },
        .init("a device") { _ in
            [
                TarEntry("sda") {
                    $0.type = "4"; $0.device = (8, 0)
                }
            ]
        },
        .init("a whiteout of a link") { [.symbolicLink("l", to: $0), .file(".wh.l")] },
    ]
}

struct ImagesHostileTests {
    private func withCanary(_ test: TestStore, _ body: (_ canary: String) throws -> Void) throws {
        let canary = "\(test.root)/canary"
        try makeDirectories(canary)
        try writeDurably("\(canary)/file", text: "alive")
        let before = try snapshot(canary)
        try body(canary)
        #expect(try snapshot(canary) == before)
    }

    @Test(arguments: HostileArchive.refused, Unpacker.allCases)
    func `CVE-2021-32760, CVE-2025-47290: a layer that reaches out of its directory is refused`(
        archive: HostileArchive, unpacker: Unpacker
    ) throws {
        let test = try TestStore()
        try withCanary(test) { (canary: String) throws -> Void in
            let error = runtimeError { _ = try test.unpack(archive.entries(canary), unpacker: unpacker.make()) }
            #expect(error?.code == .badImage, "\(error?.message ?? "accepted")")
            #expect(try listDirectory("\(test.path)/layers/sha256").isEmpty)
            #expect(try listDirectory("\(test.path)/tmp").count == 1)
        }
    }

    @Test(arguments: HostileArchive.contained, Unpacker.allCases)
    func `CVE-2025-11395: a layer that could reach out of its directory does not`(
        archive: HostileArchive, unpacker: Unpacker
    ) throws {
        let test = try TestStore()
        try withCanary(test) { (canary: String) throws -> Void in
            let layer = try test.unpack(archive.entries(canary), unpacker: unpacker.make())
            #expect(try !listDirectory(layer).isEmpty)
        }
    }

    @Test(arguments: Unpacker.allCases)
    func `limits on entries, bytes and compression hold`(unpacker: Unpacker) throws {
        var limits = UnpackLimits()
        limits.maximumEntries = 10
        limits.maximumBytes = 1 << 20
        limits.maximumRatio = 50
        limits.ratioFloor = 1 << 19
        let big = String(repeating: "0", count: 1 << 20)
        let cases: [([TarEntry], Compression, String?)] = [
            ((0..<10).map { .file("f\($0)") }, .none, nil),
            ((0..<11).map { .file("f\($0)") }, .none, "more than 10 entries"),
            ([.file("a", big)], .none, nil), ([.file("a", big), .file("b", "x")], .none, "more than 1048576 bytes"),
            ([.file("a", big)], .gzip, "more than 50 times its size"),
            ([.file("a", big)], .zstd, "more than 50 times its size"),
        ]
        for (entries, compression, message) in cases {
            let test = try TestStore()
            let error = runtimeError {
                _ = try test.unpack(entries, compression: compression, unpacker: unpacker.make(), limits: limits)
            }
            #expect((error == nil) == (message == nil), "\(String(describing: error))")
            if let message { #expect(error?.message.contains(message) == true, "\(String(describing: error))") }
        }
    }

    @Test func `a sparse file counts with its holes`() throws {
        var limits = UnpackLimits()
        limits.maximumBytes = 1 << 30
        let sparse = TarEntry("GNUSparseFile.0/x") {
            $0.pax = [
                ("GNU.sparse.name", Array("x".utf8)),
                ("GNU.sparse.size", Array("\(1 << 40)".utf8)), ("GNU.sparse.numblocks", [0x31]),
                ("GNU.sparse.map", Array("0,1".utf8)),
            ]
            $0.content = [1]
        }
        let test = try TestStore()
        let error = runtimeError { _ = try test.unpack([sparse], limits: limits) }
        #expect(error?.message.contains("more than \(1 << 30) bytes of files") == true, "\(String(describing: error))")
    }

    @Test(arguments: ["truncated", "bad checksum", "not an archive", "compressed twice"])
    func `a damaged archive is refused`(damage: String) throws {
        let test = try TestStore()
        let store = try test.open()
        var bytes = tar([.file("a", String(repeating: "x", count: 4000)), .file("b")])
        switch damage {
        case "truncated": bytes = Array(bytes.prefix(2000))
        case "bad checksum": bytes[5000 - 5000 % 512 + 512] ^= 1
        case "not an archive": bytes = Array("PK\u{3}\u{4} this is a zip file, more or less".utf8)
        default: bytes = Compression.gzip.compress(Compression.gzip.compress(bytes))
        }
        var image = TestImageBuilder([[]]) { $0.compression = .none }
        image.layers = [bytes]
        let id = try store.resolve(try test.layout(TestLayout(image)))
        #expect(runtimeError { _ = try store.unpacked(id) }?.code == .badImage)
        #expect(try listDirectory("\(test.path)/layers/sha256").isEmpty)
    }

    @Test func `a layer that is not what the configuration says is refused`() throws {
        let test = try TestStore()
        let store = try test.open()
        let image = TestImageBuilder { $0.diffIDs = [Digest(of: [1])] }
        let id = try store.resolve(try test.layout(TestLayout(image)))
        let error = try #require(runtimeError { _ = try store.unpacked(id) })
        #expect(error.code == .badImage)
        #expect(error.message.contains("not \(Digest(of: [1]))"))
        #expect(try listDirectory("\(test.path)/layers/sha256").isEmpty)
    }
}
