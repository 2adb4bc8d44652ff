import Glibc
import Linux
import Model
import PKI
import Store

/// A backup: what the store held at one revision, and the keys and certificates of the installation.
///
/// The file is text: a line that says what it is, the snapshot's lines, a line for each file, and a line with the SHA-256
/// digest of all before it.
struct Backup: Sendable {
    /// A file of the installation, by its name below the folder of keys.
    struct File: Sendable, Equatable {
        var name: String
        var mode: mode_t
        var content: [UInt8]
    }

    var snapshot: StoreSnapshot
    /// Empty where the backup was made by somebody who cannot read them.
    var keys: [File]
    /// When it was made, as text.
    var made: String

    private static let format = "martlet-backup/1"
    /// The largest file that is read.
    private static let limit = 16 << 30

    /// The whole file.
    var bytes: [UInt8] {
        let snapshot = snapshot.text
        let lines = snapshot.count { $0 == UInt8(ascii: "\n") }
        let head: JSONValue = [
            "format": .string(Self.format), "made": .string(made), "martlet": .string(Program.version),
            "lines": .integer(Int64(lines)), "files": .integer(Int64(keys.count)),
        ]
        var bytes = head.serialized() + [UInt8(ascii: "\n")] + snapshot
        for file in keys {
            let line: JSONValue = [
                "file": .string(file.name), "mode": .integer(Int64(file.mode)),
                "content": .string(Base64.encode(file.content)),
            ]
            bytes += line.serialized() + [UInt8(ascii: "\n")]
        }
        let end: JSONValue = ["sha256": .string(Digest(of: bytes).hex)]
        return bytes + end.serialized() + [UInt8(ascii: "\n")]
    }

    init(snapshot: StoreSnapshot, keys: [File], made: String) {
        (self.snapshot, self.keys, self.made) = (snapshot, keys, made)
    }

    /// Reads a backup and checks all of it.
    ///
    /// - Throws: `CommandFailure` that says what is wrong.
    init(path: String) throws {
        let bytes: [UInt8]
        do throws(LinuxError) {
            bytes = try readFile(path, limit: Self.limit)
        } catch {
            throw CommandFailure(message: "\(error)")
        }
        do {
            try self.init(bytes: bytes)
        } catch {
            throw CommandFailure(message: "\(path) is not a whole backup: \(error)", code: 2)
        }
    }

    private init(bytes: [UInt8]) throws {
        let newline = UInt8(ascii: "\n")
        guard bytes.last == newline else { throw SnapshotProblem("it does not end with a line") }
        let last = bytes.dropLast().lastIndex(of: newline).map { $0 + 1 } ?? 0
        let promised = try? JSONValue(parsing: Array(bytes[last...].dropLast()))["sha256"]?.string
        guard let promised else { throw SnapshotProblem("it does not end with its digest, as if it was cut") }
        let body = Array(bytes[..<last])
        guard Digest(of: body).hex == promised else { throw SnapshotProblem("its digest is another: it was changed") }
        let firstEnd = body.firstIndex(of: newline) ?? 0
        let head = try JSONValue(parsing: Array(body[..<firstEnd]))
        guard head["format"]?.string == Self.format, let lines = head["lines"]?.integer, lines > 0 else {
            throw SnapshotProblem("it is no \(Self.format)")
        }
        made = head["made"]?.string ?? ""
        var end = firstEnd
        for _ in 0..<lines {
            guard let next = body[(end + 1)...].firstIndex(of: newline) else {
                throw SnapshotProblem("lines are missing")
            }
            end = next
        }
        snapshot = try StoreSnapshot(text: body[(firstEnd + 1)...end])
        keys = try body[(end + 1)...].split(separator: newline).map { try Self.file($0) }
        guard keys.count == Int(head["files"]?.integer ?? -1) else { throw SnapshotProblem("files are missing") }
    }

    private static func file(_ line: ArraySlice<UInt8>) throws -> File {
        let value = try JSONValue(parsing: Array(line))
        guard let name = value["file"]?.string, !name.isEmpty, !name.contains("/"), !name.hasPrefix("."),
            let mode = value["mode"]?.integer, let content = value["content"]?.string.flatMap(Base64.decode)
        else { throw SnapshotProblem("a file in it cannot be read") }
        return File(name: name, mode: mode_t(truncatingIfNeeded: mode) & 0o777, content: content)
    }

    /// The keys and certificates of an installation; none where it has none.
    static func keys(of installation: Installation) throws -> [File] {
        guard fileExists(installation.pki) else { return [] }
        return try listDirectory(installation.pki).filter { !$0.hasPrefix(".") && !$0.hasSuffix(".tmp") }.map {
            name -> File in
            var status = stat()
            let path = "\(installation.pki)/\(name)"
            guard stat(path, &status) == 0 else { throw LinuxError.last("stat", path: path) }
            return File(name: name, mode: status.st_mode & 0o777, content: try readFile(path))
        }
    }
}

/// What is wrong with a file.
private struct SnapshotProblem: Error, CustomStringConvertible {
    let description: String
    init(_ description: String) { self.description = description }
}
