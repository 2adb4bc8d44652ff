import Failpoints
import Glibc
import Linux
import PKI

/// Content by its digest: `blobs/sha256/HEX`. A blob is there only when it is whole, verified and durable.
struct BlobStore: Sendable {
    /// `.../blobs/sha256`.
    let directory: String
    /// Where blobs are written before they get their name; on the same file system.
    let scratch: ScratchNames

    func path(_ digest: Digest) -> String { "\(directory)/\(digest.hex)" }

    /// A blob's size; nil when it is not here.
    func size(_ digest: Digest) -> Int64? {
        var status = stat()
        return lstat(path(digest), &status) == 0 ? Int64(status.st_size) : nil
    }

    /// Whether a blob of this digest and size is here.
    func has(_ blob: BlobDescriptor) -> Bool { size(blob.digest) == blob.size }

    /// The size of a blob in bytes; nil when it is not here.
    func checkedSize(_ digest: Digest) throws(RuntimeError) -> Int64? {
        let path = path(digest)
        return try storing { () throws(LinuxError) in
            var status = stat()
            do throws(LinuxError) {
                try systemCall("stat", path: path) { stat(path, &status) }
                return Int64(status.st_size)
            } catch  where error.errno == ENOENT {
                return nil
            }
        }
    }

    /// Opens a blob.
    func open(_ digest: Digest) throws(RuntimeError) -> Descriptor {
        try storing { () throws(LinuxError) in try Descriptor(opening: path(digest), flags: O_RDONLY | O_NOFOLLOW) }
    }

    /// Reads a small blob and checks it again; one that the disk has damaged is removed, so that it can be imported again.
    func read(_ digest: Digest) throws(RuntimeError) -> [UInt8] {
        let bytes = try storing { () throws(LinuxError) in
            try readFile(path(digest), limit: ImageDocument.maximumBytes)
        }
        guard Digest(of: bytes) == digest else {
            try storing { () throws(LinuxError) in try removeDurably(path(digest)) }
            throw RuntimeError(.badImage, "blob \(digest) was damaged on disk and is removed; import the image again")
        }
        return bytes
    }

    /// Takes in bytes that are at hand.
    func add(_ bytes: [UInt8]) throws(RuntimeError) -> Digest {
        let digest = Digest(of: bytes)
        if size(digest) == Int64(bytes.count) { return digest }
        try storing { () throws(LinuxError) in
            let path = scratch.next("blob")
            try writeDurably(path, bytes)
            failpoint(.blobWritten)
            try systemCall("rename", path: path) { rename(path, self.path(digest)) }
            failpoint(.blobAdded)
        }
        return digest
    }

    /// Copies a blob in, hashing what is written; nothing is kept unless digest and size are as announced.
    func add(copying source: borrowing Descriptor, as blob: BlobDescriptor, from name: String) throws(RuntimeError) {
        let path = scratch.next("blob")
        let raw = source.raw
        do throws(RuntimeError) {
            let file = try storing { () throws(LinuxError) in
                try Descriptor(opening: path, flags: O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, mode: 0o600)
            }
            let out = file.raw
            let (digest, size) = try Self.hash(raw, limit: blob.size, name: name) { (piece) throws(LinuxError) in
                try writeAll(out, piece, path: path)
            }
            try Self.check(digest, size, against: blob, from: name)
            try storing { () throws(LinuxError) in try systemCall("fsync", path: path) { fsync(out) } }
            failpoint(.blobWritten)
            try storing { () throws(LinuxError) in
                try systemCall("rename", path: path) { rename(path, self.path(blob.digest)) }
            }
            failpoint(.blobAdded)
        } catch {
            unlink(path)
            throw error
        }
    }

    /// Moves a file of the temporary directory in after checking it.
    func add(moving path: String, as blob: BlobDescriptor, from name: String) throws(RuntimeError) {
        let file = try storing { () throws(LinuxError) in try Descriptor(opening: path, flags: O_RDONLY | O_NOFOLLOW) }
        let raw = file.raw
        let (digest, size) = try Self.hash(raw, limit: blob.size, name: name)
        try Self.check(digest, size, against: blob, from: name)
        try storing { () throws(LinuxError) in
            try systemCall("fsync", path: path) { fsync(raw) }
            try systemCall("rename", path: path) { rename(path, self.path(blob.digest)) }
        }
    }

    /// Makes the names of blobs that were added survive a crash.
    func sync() throws(RuntimeError) { try storing { () throws(LinuxError) in try syncDirectory(directory) } }

    /// The digest and the size of what a descriptor reads to its end, no further than one byte beyond the limit.
    static func hash(
        _ descriptor: Int32, limit: Int64, name: String, _ each: ([UInt8]) throws(LinuxError) -> Void = { _ in }
    ) throws(RuntimeError) -> (Digest, Int64) {
        var hash = SHA256()
        var size: Int64 = 0
        var buffer = [UInt8](repeating: 0, count: 256 << 10)
        while true {
            let count = try storing { () throws(LinuxError) in
                try systemCall("read", path: name) { Glibc.read(descriptor, &buffer, buffer.count) }
            }
            if count == 0 { return (hash.finish(), size) }
            size += Int64(count)
            guard size <= limit else {
                throw RuntimeError(.badImage, "\(name): is longer than the \(limit) bytes that were announced")
            }
            let piece = count == buffer.count ? buffer : Array(buffer[..<count])
            hash.update(piece)
            try storing { () throws(LinuxError) in try each(piece) }
        }
    }

    private static func check(
        _ digest: Digest, _ size: Int64, against blob: BlobDescriptor, from name: String
    ) throws(RuntimeError) {
        guard size == blob.size else {
            throw RuntimeError(.badImage, "\(name): has \(size) bytes, its descriptor says \(blob.size)")
        }
        guard digest == blob.digest else {
            throw RuntimeError(.badImage, "\(name): its content is \(digest), not \(blob.digest)")
        }
    }
}
