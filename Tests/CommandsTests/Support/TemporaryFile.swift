import Glibc

/// A file that is there as long as this value's owner.
final class TemporaryFile {
    /// Its path.
    let path: String

    /// Makes a file with a text.
    init(_ text: String) throws {
        var template = Array("/tmp/martlet-test-XXXXXX.yaml".utf8CString)
        let descriptor = mkstemps(&template, 5)
        struct Failure: Error {}
        guard descriptor >= 0 else { throw Failure() }
        defer { close(descriptor) }
        path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
        guard Array(text.utf8).withUnsafeBytes({ write(descriptor, $0.baseAddress, $0.count) }) == text.utf8.count
        else { throw Failure() }
    }

    deinit { unlink(path) }
}
