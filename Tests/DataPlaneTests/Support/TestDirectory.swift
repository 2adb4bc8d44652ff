import Glibc
import Linux

/// Runs a test's body with a new directory, removed afterwards. Its path is short: sockets have room for 107 bytes.
func withTestDirectory<Result>(_ body: (String) throws -> Result) throws -> Result {
    var template = Array("/tmp/martlet-dp-XXXXXX".utf8CString)
    guard mkdtemp(&template) != nil else { throw LinuxError.last("mkdtemp") }
    let path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    defer { try? removeTree(path) }
    // HAProxy's unprivileged user passes through.
    chmod(path, 0o711)
    return try body(path)
}

/// Whether the test may use the kernel as root.
let isRoot = geteuid() == 0
