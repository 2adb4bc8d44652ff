import Failpoints
import Glibc

/// How far the store had come when it last acknowledged something. It lies in a file of its own beside the database.
///
/// SQLite takes the first frame of the write-ahead log that is not whole for the log's end, and a log that is not there for an
/// empty one: both happen in a crash, before anything was acknowledged. So by itself it cannot tell a crash from a log that was
/// cut, damaged or lost later, which takes acknowledged commits with it. The mark can: it never runs ahead of what is durable,
/// since it is written after the fsync, and a store that is behind its mark has lost something.
///
/// The mark is not fsynced itself. After a power cut it may be older than the log, and then notices less; it is never wrong.
struct Mark: Hashable {
    /// The last revision that is durable.
    var revision: UInt64
    /// The last revision whose history was given up on the disk: with the revision it says which rows there are.
    var compacted: UInt64
    /// The rows.
    var rows: RowSet

    /// What a mark's file holds: eight letters, four numbers, a checksum; 8 bytes each, little-endian.
    static let length = 48
    private static let magic = Array("MrtlMark".utf8)

    init(revision: UInt64, compacted: UInt64, rows: RowSet) {
        self.revision = revision
        self.compacted = compacted
        self.rows = rows
    }

    /// Reads a mark's file; nil when it is damaged.
    init?(_ bytes: [UInt8]) {
        guard bytes.count == Self.length, Array(bytes[..<8]) == Self.magic else { return nil }
        let numbers = (1..<6).map { place in
            bytes[place * 8..<place * 8 + 8].reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
        }
        guard numbers[4] == Checksum.of(bytes[..<40]) else { return nil }
        self.init(
            revision: numbers[0], compacted: numbers[1], rows: RowSet(count: numbers[2], digest: numbers[3]))
    }

    var bytes: [UInt8] {
        var bytes = Self.magic
        for number in [revision, compacted, rows.count, rows.digest] {
            withUnsafeBytes(of: number.littleEndian) { bytes += $0 }
        }
        withUnsafeBytes(of: Checksum.of(bytes[...]).littleEndian) { bytes += $0 }
        return bytes
    }
}

/// The file of a mark.
final class MarkFile {
    let path: String
    private var descriptor: Int32 = -1

    init(ofDatabase path: String) { self.path = path + "-mark" }

    deinit { close() }

    func close() {
        if descriptor >= 0 { Glibc.close(descriptor) }
        descriptor = -1
    }

    /// What the file holds; nil when there is none.
    ///
    /// - Throws: when it cannot be read, or is no mark.
    func read() throws(SQLiteFailure) -> Mark? {
        let file = open(path, O_RDONLY | O_CLOEXEC)
        guard file >= 0 || errno != ENOENT else { return nil }
        defer { if file >= 0 { Glibc.close(file) } }
        var bytes = [UInt8](repeating: 0, count: Mark.length + 1)
        let count = file < 0 ? -1 : Glibc.read(file, &bytes, bytes.count)
        guard count >= 0 else {
            throw SQLiteFailure(content: "\(path) cannot be read: \(String(cString: strerror(errno)))")
        }
        guard let mark = Mark(Array(bytes[..<count])) else {
            throw SQLiteFailure(
                content: "\(path) is damaged: it says up to where the database beside it has to reach. "
                    + "To go on with what the database holds, whatever it was, remove this file")
        }
        return mark
    }

    /// Writes the mark over the one before. A failure is not told: an old mark notices less, and is as true as before.
    func write(_ mark: Mark) {
        if descriptor < 0 { descriptor = open(path, O_WRONLY | O_CLOEXEC | O_NOFOLLOW) }
        if descriptor < 0, errno == ENOENT { return make(mark) }
        if descriptor >= 0 { _ = Self.put(mark, descriptor) }
    }

    /// Makes the file under another name first: an empty one, as a crash could leave it, would count as damaged.
    private func make(_ mark: Mark) {
        let beginning = path + ".tmp"
        let file = open(beginning, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard file >= 0 else { return }
        failpoint(.markBegun)
        // From then on its size never changes, so that a power cut finds a whole mark.
        guard Self.put(mark, file), fsync(file) == 0, rename(beginning, path) == 0 else {
            unlink(beginning)
            Glibc.close(file)
            return
        }
        descriptor = file
    }

    private static func put(_ mark: Mark, _ file: Int32) -> Bool {
        mark.bytes.withUnsafeBytes { pwrite(file, $0.baseAddress, $0.count, 0) == $0.count }
    }
}

extension SQLiteFailure {
    /// Something that is wrong with a file, which the message names.
    init(content message: String) {
        self.init(code: Self.content, systemErrno: 0, message: message)
    }
}
