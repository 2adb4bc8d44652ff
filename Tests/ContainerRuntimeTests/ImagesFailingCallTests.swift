import ContainerRuntime
import Glibc
import Linux
import Synchronization
import SystemCallFaults
import Testing

/// Fails one system call after the other, of the store and of the helper process that unpacks: see `FailingCalls`.
@Suite(.enabled(if: geteuid() == 0, "the helper gives up root's privileges"), .serialized, .timeLimit(.minutes(10)))
struct ImagesFailingCallTests {
    @Test func `import and unpack, layout and archive`() async {
        await #expect(processExitsWith: .success) { try FailingImport().failEachCall() }
    }
}

/// An image that is imported and unpacked again and again, into a store of its own each time.
private final class FailingImport: Sendable {
    private let root: String
    private let reference: String
    private let unpacker = Unpacker.helper.make()
    /// What the layers have to look like.
    private let expected: [String]

    init() throws {
        var template = Array("/tmp/martlet-test-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else { throw LinuxError.last("mkdtemp") }
        root = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
        let lower: [TarEntry] = [.directory("etc"), .file("etc/name", "lower"), .file("removed", "x")]
        let upper: [TarEntry] = [.file("etc/name", "upper"), .file(".wh.removed", ""), .file("etc/.wh..wh..opq", "")]
        let archive = "\(root)/image.tar"
        try writeDurably(archive, TestLayout(TestImageBuilder([lower, upper])).archive)
        reference = "oci-archive:\(archive)"
        let store = try LocalImageStore(directory: "\(root)/first", unpacker: unpacker, now: { 42 })
        expected = try Self.content(store.unpacked(store.resolve(reference)))
    }

    deinit { try? removeTree(root) }

    func failEachCall() throws {
        try run(FailingCalls(.none))
        let before = descriptors()
        let recording = FailingCalls(.recording)
        try run(recording)
        let ways = recording.recorded
        var passed = Set(ways).subtracting(FailingCalls.chosen(of: ways))
        var count = 0
        while true {
            let calls = FailingCalls(.failing(except: passed))
            try run(calls)
            guard let call = calls.failed else { break }
            passed.insert(call)
            count += 1
            #expect(descriptors() == before, "\(call) leaves a descriptor open")
            #expect(try children().isEmpty, "\(call) leaves a process")
        }
        print("failing calls: image: \(count) of \(passed.count)")
        #expect(count >= 20 && passed.count > 50, "only \(count) of \(passed.count) calls were made to fail")
    }

    private func run(_ calls: FailingCalls) throws {
        let directory = "\(root)/store"
        let problem = Mutex<String?>(nil)
        let hasEnded = try calls.run { [self] in
            do {
                let store = try LocalImageStore(directory: directory, unpacker: unpacker, now: { 42 })
                do {
                    let image = try calls.armed { try store.unpacked(store.resolve(reference)) }
                    #expect(try Self.content(image) == expected, "\(calls.failed.map { "\($0)" } ?? "")")
                } catch {
                    let reason = calls.failed.map { ": \(String(cString: strerror($0.errno)))" } ?? "nothing failed"
                    #expect("\(error)".dropFirst().contains(reason), "\(calls.failed.map { "\($0)" } ?? ""): \(error)")
                    let image = try store.unpacked(store.resolve(reference))
                    #expect(try Self.content(image) == expected, "\(calls.failed.map { "\($0)" } ?? "")")
                }
                let left = try listDirectory("\(directory)/tmp").flatMap { try listDirectory("\(directory)/tmp/\($0)") }
                #expect(left.filter { $0 != "lock" }.count <= 1, "\(calls.failed.map { "\($0)" } ?? ""): \(left)")
            } catch {
                problem.withLock { $0 = "\(error)" }
            }
        }
        let text = problem.withLock { $0 }
        #expect(text == nil, "after \(calls.failed.map { "\($0)" } ?? "nothing"): \(text ?? "")")
        #expect(hasEnded, "a process lives on after \(calls.failed.map { "\($0)" } ?? "nothing")")
        try removeTree(directory)
    }

    /// The files of an image's layers: path in the layer, kind and mode, content.
    private static func content(_ image: UnpackedImage) throws -> [String] {
        func lines(_ path: String, below root: String) throws -> [String] {
            guard let status = status(path) else { return [] }
            let line = "\(path.dropFirst(root.count)) \(status.st_mode)"
            switch status.kind {
            case S_IFDIR:
                return try [line] + listDirectory(path).sorted().flatMap { try lines("\(path)/\($0)", below: root) }
            case S_IFREG: return [try "\(line) \(readText(path))"]
            default: return [line]
            }
        }
        return try image.layerDirectories.flatMap { try lines($0, below: $0) }
    }

    private func descriptors() -> Int { ((try? listDirectory("/proc/self/fd")) ?? []).count }
}
