internal import CArchive
import Glibc
import PKI

/// The first stage of reading an archive: takes the compression off, hashes what comes out, and stops bombs.
///
/// Only gzip and zstd, by the libraries that libarchive is linked with: libarchive's other filters run programs by
/// name, which is how a file system from a stranger gets its own programs run (CVE-2019-14271).
final class ArchiveInput {
    private let archive: OpaquePointer
    private let limits: UnpackLimits
    private var hash = SHA256()
    private var produced: Int64 = 0
    private var buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 256 << 10, alignment: 16)
    private var hasContent = false
    /// Why reading stopped.
    private(set) var failure: RuntimeError?

    init(descriptor: Int32, limits: UnpackLimits) throws(RuntimeError) {
        guard let archive = archive_read_new() else { throw RuntimeError(.system, "archive_read_new: no memory") }
        self.archive = archive
        self.limits = limits
        // ARCHIVE_WARN means that libarchive would run a program for it.
        guard archive_read_support_filter_gzip(archive) == ARCHIVE_OK,
            archive_read_support_filter_zstd(archive) == ARCHIVE_OK
        else { throw RuntimeError(.system, "this libarchive has no gzip or zstd of its own") }
        archive_read_support_format_raw(archive)
        archive_read_support_format_empty(archive)
        guard archive_read_open_fd(archive, descriptor, 256 << 10) == ARCHIVE_OK else { throw archiveError(archive) }
        var entry: OpaquePointer?
        let code = archive_read_next_header(archive, &entry)
        guard code == ARCHIVE_OK || code == ARCHIVE_EOF else { throw archiveError(archive) }
        hasContent = code == ARCHIVE_OK
        // One compression and the file itself: compression within compression is only ever a bomb.
        guard archive_filter_count(archive) <= 2 else {
            throw RuntimeError(.badImage, "archive is compressed more than once")
        }
    }

    /// The next bytes, valid until the next call; empty at the end; nil after a failure.
    func next() -> UnsafeRawBufferPointer? {
        guard failure == nil else { return nil }
        guard hasContent else { return UnsafeRawBufferPointer(start: nil, count: 0) }
        let count = archive_read_data(archive, buffer.baseAddress, buffer.count)
        guard count >= 0 else {
            failure = archiveError(archive)
            return nil
        }
        produced += Int64(count)
        if let bomb = bomb() {
            failure = bomb
            return nil
        }
        let bytes = UnsafeRawBufferPointer(rebasing: buffer[..<count])
        hash.update(bytes)
        return bytes
    }

    private func bomb() -> RuntimeError? {
        // Headers and padding come on top of the files' bytes: one KiB an entry, more than tar needs.
        let (most, overflow) = limits.maximumBytes.addingReportingOverflow(limits.maximumEntries << 10)
        if !overflow, produced > most {
            return RuntimeError(.badImage, "archive is larger than \(most) bytes when uncompressed")
        }
        let consumed = max(1, archive_filter_bytes(archive, -1))
        if produced > limits.ratioFloor, produced / consumed > limits.maximumRatio {
            return RuntimeError(.badImage, "archive unpacks to more than \(limits.maximumRatio) times its size")
        }
        return nil
    }

    /// Reads what is left and returns the digest of everything.
    func finish() throws(RuntimeError) -> Digest {
        while let bytes = next() {
            if bytes.isEmpty { return hash.finish() }
        }
        throw failure ?? RuntimeError(.badImage, "archive cannot be read")
    }

    deinit {
        archive_read_free(archive)
        buffer.deallocate()
    }
}

/// libarchive's last error as the runtime's.
func archiveError(_ archive: OpaquePointer) -> RuntimeError {
    let message = archive_error_string(archive).map { String(cString: $0) } ?? "unknown error"
    let number = archive_errno(archive)
    // Bad content has other numbers: EILSEQ, EINVAL and -1 (archive.h).
    guard [EIO, EBADF, EISDIR, ESTALE, ETIMEDOUT].contains(number) else {
        return RuntimeError(.badImage, "archive is damaged: \(message)")
    }
    return RuntimeError(.system, "archive cannot be read: \(message): \(String(cString: strerror(number)))")
}
