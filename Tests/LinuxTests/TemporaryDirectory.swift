import Glibc
import Linux

/// Runs a test's body with a new directory, removed afterwards.
func withTemporaryDirectory<Result>(_ body: (String) throws -> Result) throws -> Result {
    var template = Array("/tmp/martlet-test-XXXXXX".utf8CString)
    guard mkdtemp(&template) != nil else { throw LinuxError.last("mkdtemp") }
    let path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    defer { try? removeTree(path) }
    return try body(path)
}

/// Makes a file, and the directories above it.
func makeFile(_ path: String, _ text: String = "") throws {
    try makeDirectories(parentDirectory(of: path))
    let file = try Descriptor(opening: path, flags: O_WRONLY | O_CREAT | O_TRUNC, mode: 0o644)
    try writeAll(file.raw, Array(text.utf8), path: path)
}
