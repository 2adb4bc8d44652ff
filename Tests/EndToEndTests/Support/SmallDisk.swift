import Glibc
import Linux
import Testing

/// A small ext4 file system of its own, in a file.
final class SmallDisk {
    let path: String
    private let file: String

    /// Makes one of so many megabytes and so many inodes, and mounts it.
    init(at path: String, megabytes: Int, inodes: Int) throws {
        self.path = path
        file = path + ".ext4"
        try makeDirectories(path, mode: 0o755)
        try Self.run(["truncate", "-s", "\(megabytes)M", file])
        try Self.run(["mkfs.ext4", "-q", "-m", "0", "-N", "\(inodes)", file])
        try Self.run(["mount", "-o", "loop", file, path])
        // Not the mount's own, which a purge would stumble over.
        try removeTree("\(path)/lost+found")
    }

    /// Unmounts and removes it.
    func remove() throws {
        try Self.run(["umount", path])
        unlink(file)
    }

    /// Uses up all bytes but so many.
    func fill(leaving bytes: Int64 = 0) throws {
        let descriptor = try Descriptor(opening: "\(path)/filler", flags: O_WRONLY | O_CREAT | O_APPEND, mode: 0o600)
        for size in [1 << 20, 4096] {
            let block = [UInt8](repeating: 1, count: size)
            while try FileSystemRoom(path: path).freeBytes >= bytes + Int64(size),
                write(descriptor.raw, block, size) > 0
            {}
        }
        fsync(descriptor.raw)
    }

    /// Uses up all inodes.
    func fillInodes() throws {
        try makeDirectories("\(path)/fillers")
        var number = 0
        while true {
            let descriptor = open("\(path)/fillers/\(number)", O_WRONLY | O_CREAT | O_CLOEXEC, 0o600)
            if descriptor < 0 { break }
            close(descriptor)
            number += 1
        }
        #expect(try FileSystemRoom(path: path).freeFiles == 0)
    }

    /// Gives back what was used up.
    func empty() throws {
        try removeTree("\(path)/filler")
        try removeTree("\(path)/fillers")
    }

    private static func run(_ words: [String]) throws {
        let child = try Child(words, environment: ["PATH": "/usr/sbin:/usr/bin:/sbin:/bin"])
        try #require(try child.awaitEnd() == 0, "\(child.err)")
    }
}
