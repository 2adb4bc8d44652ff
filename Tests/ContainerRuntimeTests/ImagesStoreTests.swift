import ContainerRuntime
import Glibc
import Linux
import Model
import PKI
import Synchronization
import Testing

struct ImagesStoreTests {
    @Test func `images are listed with what they take, by the time they were imported`() throws {
        let test = try TestStore()
        let store = try test.open()
        let reference = try test.layout(TestLayout(TestImageBuilder([[.file("a", "12345")], [.file("b", "123")]])))
        let id = try store.resolve(reference)
        _ = try store.unpacked(id)
        let record = ImageRecord(
            id: id, references: [reference], sizeBytes: 8, importedAt: 42,
            platform: ImagePlatform.host.description.split(separator: "/").prefix(2).joined(separator: "/"))
        #expect(try store.list() == [record])
    }

    @Test func `a reference that leads to another image is taken from the first`() throws {
        let test = try TestStore()
        let store = try test.open()
        let first = try store.resolve(try test.layout(TestLayout(TestImageBuilder([[.file("a")]]))))
        let reference = try test.layout(TestLayout(TestImageBuilder([[.file("b")]])))
        let second = try store.resolve(reference)
        let references = Dictionary(uniqueKeysWithValues: try store.list().map { ($0.id, $0.references) })
        #expect(references == [first: [], second: [reference]])
        #expect(try store.collectGarbage(inUse: []) > 0)
        #expect(try store.list().map(\.id) == [second])
    }

    @Test func `an image is removed by reference, identity or unique prefix`() throws {
        let test = try TestStore()
        let store = try test.open()
        let reference = try test.layout(TestLayout(TestImageBuilder()))
        let id = try store.resolve(reference)
        for name in [reference, id.text, String(id.text.prefix(20))] {
            #expect(try store.resolve(reference) == id)
            try store.remove(name)
            #expect(try store.list().isEmpty)
            #expect(runtimeError { try store.remove(name) }?.code == .notFound)
            #expect(runtimeError { _ = try store.resolve(id.text) }?.code == .notFound)
        }
        #expect(try store.collectGarbage(inUse: []) > 0)
        #expect(try listDirectory("\(test.path)/blobs/sha256").isEmpty)
        #expect(try listDirectory("\(test.path)/layers/sha256").isEmpty)
        #expect(try listDirectory("\(test.path)/images").isEmpty)
    }

    @Test func `a prefix of more than one image is refused with the choices`() throws {
        let test = try TestStore()
        let store = try test.open()
        var ids: [ImageID] = []
        for number in 0..<17 {
            let image = TestImageBuilder([[.file("file\(number)")]])
            ids.append(try store.resolve(try test.layout(TestLayout(image), "layout\(number)")))
        }
        // Of 17 identities two begin with the same digit.
        let prefix = try #require(
            ids.map { $0.text.prefix(8) }.first { digit in
                ids.filter { $0.text.hasPrefix(digit) }.count > 1
            })
        let error = try #require(runtimeError { try store.remove(String(prefix)) })
        #expect(error.code == .invalid)
        #expect(ids.filter { $0.text.hasPrefix(prefix) }.allSatisfy { error.message.contains($0.text) })
    }

    @Test func `what a container uses stays, removed or not, and garbage goes`() throws {
        let test = try TestStore()
        let store = try test.open()
        let shared: [TarEntry] = [.file("shared", "x")]
        let used = try store.resolve(try test.layout(TestLayout(TestImageBuilder([shared, [.file("a")]])), "a"))
        let unused = try store.resolve(
            try test.layout(TestLayout(TestImageBuilder([shared, [.file("b", "12345")]])), "b"))
        let directories = try store.unpacked(used).layerDirectories
        _ = try store.unpacked(unused)
        try store.remove(used.text)
        try store.remove(unused.text)
        #expect(try store.collectGarbage(inUse: [used]) > 5)
        #expect(directories.allSatisfy { fileExists($0) })
        #expect(try listDirectory("\(test.path)/layers/sha256").count == 2)
        #expect(try store.unpacked(used).layerDirectories == directories)
        #expect(runtimeError { _ = try store.unpacked(unused) }?.code == .notFound)
    }

    @Test func `layers' blobs are garbage once they are unpacked, and unpacking still works`() throws {
        let test = try TestStore()
        let store = try test.open()
        let reference = try test.layout(TestLayout(TestImageBuilder()))
        let id = try store.resolve(reference)
        #expect(try listDirectory("\(test.path)/blobs/sha256").count == 3)
        let unpacked = try store.unpacked(id)
        _ = try store.collectGarbage(inUse: [])
        #expect(try listDirectory("\(test.path)/blobs/sha256").count == 2)
        #expect(try store.unpacked(id) == unpacked)
        #expect(try store.resolve(reference) == id)
        #expect(try listDirectory("\(test.path)/blobs/sha256").count == 2)
    }

    @Test(arguments: ["changed", "truncated", "missing"])
    func `a damaged blob is refused, and imports again once it is right`(damage: String) throws {
        let layout = TestLayout(TestImageBuilder())
        for (name, content) in layout.files where name.hasPrefix("blobs/") {
            let test = try TestStore()
            let store = try test.open()
            let reference = try test.layout(layout)
            let path = "\(test.root)/layout/\(name)"
            switch damage {
            case "changed": try writeDurably(path, content.dropLast() + [(content.last ?? 0) ^ 1])
            case "truncated": try writeDurably(path, Array(content.dropLast()))
            default: try removeDurably(path)
            }
            #expect(runtimeError { _ = try store.resolve(reference) }?.code == .badImage)
            #expect(try store.list().isEmpty)
            try writeDurably(path, content)
            #expect(try !store.unpacked(try store.resolve(reference)).layerDirectories.isEmpty)
        }
    }

    @Test func `a blob that the disk has damaged after the import is refused and imports again`() throws {
        let test = try TestStore()
        let store = try test.open()
        let reference = try test.layout(TestLayout(TestImageBuilder { $0.compression = .none }))
        let id = try store.resolve(reference)
        for name in try listDirectory("\(test.path)/blobs/sha256") where !id.text.hasSuffix(name) {
            let path = "\(test.path)/blobs/sha256/\(name)"
            var content = try readFile(path)
            content[content.count - 1] ^= 1
            try writeDurably(path, content)
            #expect(runtimeError { _ = try store.unpacked(id) }?.code == .badImage)
            #expect(try store.resolve("\(reference)@\(id)") == id)
        }
        #expect(try store.unpacked(id).layerDirectories.count == 1)
    }

    @Test func `what a crash has left half done is removed, what another store is at is not`() throws {
        let test = try TestStore()
        let first = try test.open()
        let second = try LocalImageStore(directory: test.path, unpacker: InProcessUnpacker())
        try makeDirectories("\(test.path)/tmp/store-1-0/layer-1/fs/deep")
        try writeDurably("\(test.path)/tmp/store-1-0/lock", [])
        try makeDirectories("\(test.path)/tmp/store-2-0")
        let third = try LocalImageStore(directory: test.path, unpacker: InProcessUnpacker())
        #expect(try listDirectory("\(test.path)/tmp").count == 3)
        let id = try first.resolve(try test.layout(TestLayout(TestImageBuilder())))
        #expect(try second.unpacked(id) == third.unpacked(id))
    }

    @Test func `many who want one layer have it unpacked once`() throws {
        let test = try TestStore()
        let counting = CountingUnpacker()
        let store = try test.open(unpacker: counting)
        let id = try store.resolve(try test.layout(TestLayout(TestImageBuilder())))
        let failures = Atomic<Int>(0)
        let threads = (0..<8).map { _ in
            Thread {
                if (try? store.unpacked(id)) == nil { failures.add(1, ordering: .relaxed) }
            }
        }
        for thread in threads { thread.join() }
        #expect(failures.load(ordering: .relaxed) == 0)
        #expect(counting.calls.load(ordering: .relaxed) == 1)
    }

    @Test func `a full disk is told as such and leaves nothing half recorded`() throws {
        let test = try TestStore()
        try makeDirectories(test.path)
        try #require(mount("tmpfs", test.path, "tmpfs", 0, "size=1m") == 0)
        defer { umount2(test.path, Int32(MNT_DETACH)) }
        do {
            let store = try LocalImageStore(directory: test.path, unpacker: Unpacker.helper.make())
            let entry = TarEntry("big") { $0.content = [UInt8](repeating: 7, count: 2 << 20) }
            let id = try store.resolve(try test.layout(TestLayout(TestImageBuilder([[entry]]))))
            let error = try #require(runtimeError { _ = try store.unpacked(id) })
            #expect(error.code == .full)
            #expect(error.message.contains(test.path))
            #expect(try listDirectory("\(test.path)/layers/sha256").isEmpty)
            let plain = TestImageBuilder([[entry]]) { $0.compression = .none }
            let reference = try test.layout(TestLayout(plain), "plain")
            #expect(runtimeError { _ = try store.resolve(reference) }?.code == .full)
            #expect(try store.list().map(\.id) == [id])
            let small = try store.resolve(try test.layout(TestLayout(TestImageBuilder()), "small"))
            #expect(try store.unpacked(small).layerDirectories.count == 1)
        }
    }

    @Test func `CVE-2021-41091, 41103, CVE-2024-25621: nobody but root reaches the layers' programs`() throws {
        let test = try TestStore()
        try makeDirectories(test.path, mode: 0o755)
        _ = try test.open()
        #expect(status(test.path)?.permissions == 0o700)
    }
}

/// Counts how often it is asked.
private final class CountingUnpacker: LayerUnpacker {
    let calls = Atomic<Int>(0)

    func unpack(
        _ job: UnpackJob, archive: borrowing Descriptor, into directory: borrowing Descriptor, limits: UnpackLimits
    ) throws(RuntimeError) -> UnpackReport {
        calls.add(1, ordering: .relaxed)
        return try InProcessUnpacker().unpack(job, archive: archive, into: directory, limits: limits)
    }
}
