import CLinux
import Glibc
import Linux

/// Whether the test may use the kernel as root.
let isRoot = geteuid() == 0

/// Runs a test's body with a new directory, removed afterwards.
func withTemporaryDirectory<Result>(_ body: (String) throws -> Result) throws -> Result {
    var template = Array("/tmp/martlet-test-XXXXXX".utf8CString)
    guard mkdtemp(&template) != nil else { throw LinuxError.last("mkdtemp") }
    let path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    defer { try? removeTree(path) }
    return try body(path)
}

/// A network namespace that lasts as long as this value.
final class TestNamespace: Sendable {
    private let descriptor: Int32

    init() throws {
        descriptor = try NetworkNamespace(path: "/proc/self/ns/net").run { () throws(LinuxError) in
            try systemCall("unshare") { linux_unshare(linux_clone_newnet) }
            return try Descriptor(opening: "/proc/thread-self/ns/net", flags: O_RDONLY).release()
        }
    }

    deinit { close(descriptor) }

    /// The descriptor that holds the namespace.
    var raw: Int32 { descriptor }

    /// A file that names the namespace.
    var path: String { "/proc/self/fd/\(descriptor)" }

    /// Runs a function inside.
    func run<Value: Sendable>(_ body: @escaping @Sendable () throws(LinuxError) -> Value) throws -> Value {
        try NetworkNamespace(path: path).run(body)
    }

    /// A file under `/proc/sys/net` inside, without the line's end.
    func setting(_ name: String) throws -> String {
        try run { () throws(LinuxError) in
            String(try readText("/proc/sys/net/\(name)").split(separator: "\n").first ?? "")
        }
    }
}
