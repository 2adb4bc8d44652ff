import Glibc
import Linux
import Model
import PKI

/// The records of images, one durable file each. Changes are made under a lock file, so that two processes may
/// share a store.
struct ImageRecords: Sendable {
    /// `.../images`.
    let directory: String
    /// Locked while records change.
    let lockPath: String

    func load(_ id: Digest) throws(RuntimeError) -> StoredImage? {
        let path = path(id)
        let bytes: [UInt8]
        do throws(LinuxError) {
            bytes = try readFile(path, limit: ImageDocument.maximumBytes)
        } catch  where error.errno == ENOENT {
            return nil
        } catch {
            throw RuntimeError(storing: error)
        }
        return try StoredImage(json: try ImageDocument.parse(bytes, name: path), path: path)
    }

    /// Every record, in order of the identities.
    func all() throws(RuntimeError) -> [StoredImage] {
        var result: [StoredImage] = []
        for name in try storing({ () throws(LinuxError) in try listDirectory(directory) }) {
            guard name.hasSuffix(".json"), let id = Digest.sha256(name.dropLast(5)), let image = try load(id) else {
                continue
            }
            result.append(image)
        }
        return result
    }

    func save(_ image: StoredImage) throws(RuntimeError) {
        try storing { () throws(LinuxError) in try writeDurably(path(image.id), image.json.serialized(.indented)) }
    }

    /// Removes what a crash has left of records that were being written; while no other change is made.
    func removeUnfinished() throws(RuntimeError) {
        try storing { () throws(LinuxError) in
            for name in try listDirectory(directory) where name.hasSuffix(".tmp") {
                try removeTree("\(directory)/\(name)")
            }
        }
    }

    func delete(_ id: Digest) throws(RuntimeError) {
        try storing { () throws(LinuxError) in try removeDurably(path(id)) }
    }

    /// Runs a change of records while no other is made.
    func changing<Result: ~Copyable>(_ body: () throws(RuntimeError) -> Result) throws(RuntimeError) -> Result {
        let lock = try FileLock(lockPath, LOCK_EX)
        defer { lock.hold() }
        return try body()
    }

    private func path(_ id: Digest) -> String { "\(directory)/\(id.hex).json" }
}

/// A flock(2) on a file, held for as long as the value lives; the kernel releases it when the process dies.
struct FileLock: ~Copyable {
    private let file: Descriptor

    /// Waits for the lock.
    init(_ path: String, _ operation: Int32) throws(RuntimeError) {
        file = try storing { () throws(LinuxError) in
            let file = try Descriptor(opening: path, flags: O_RDWR | O_CREAT | O_NOFOLLOW, mode: 0o600)
            try systemCall("flock", path: path) { flock(file.raw, operation) }
            return file
        }
    }

    /// Keeps the lock up to here.
    borrowing func hold() {}
}
