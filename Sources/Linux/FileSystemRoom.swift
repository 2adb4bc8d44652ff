import Glibc

/// How much room a file system has: see statvfs(3).
public struct FileSystemRoom: Sendable, Hashable, CustomStringConvertible {
    /// Bytes that programs may still write.
    public var freeBytes: Int64
    /// All bytes.
    public var bytes: Int64
    /// Files that may still be made.
    public var freeFiles: Int64
    /// How many files there may be; 0 where the file system sets no limit.
    public var files: Int64

    /// Describes a file system.
    public init(freeBytes: Int64, bytes: Int64, freeFiles: Int64, files: Int64) {
        (self.freeBytes, self.bytes, self.freeFiles, self.files) = (freeBytes, bytes, freeFiles, files)
    }

    /// Asks the file system that a path is on.
    public init(path: String) throws(LinuxError) {
        var status = statvfs()
        try systemCall("statvfs", path: path) { statvfs(path, &status) }
        let unit = Int64(clamping: status.f_frsize)
        freeBytes = Int64(clamping: status.f_bavail).multipliedReportingOverflow(by: unit).partialValue
        bytes = Int64(clamping: status.f_blocks).multipliedReportingOverflow(by: unit).partialValue
        freeFiles = Int64(clamping: status.f_favail)
        files = Int64(clamping: status.f_files)
    }

    /// What is free: `4096 bytes and 12 inodes free`.
    public var description: String {
        files == 0 ? "\(freeBytes) bytes free" : "\(freeBytes) bytes and \(freeFiles) inodes free"
    }
}
