internal import CArchive
import Glibc
import PKI

/// The second stage of reading an archive: tar's entries out of `ArchiveInput`'s bytes, one after the other.
final class ArchiveReader {
    private let archive: OpaquePointer
    private let input: ArchiveInput
    private let limits: UnpackLimits
    private let locale: locale_t?
    private let outerLocale: locale_t?
    /// How many entries were read.
    private(set) var entries: Int64 = 0

    init(input: ArchiveInput, limits: UnpackLimits) throws(RuntimeError) {
        guard let archive = archive_read_new() else { throw RuntimeError(.system, "archive_read_new: no memory") }
        self.archive = archive
        self.input = input
        self.limits = limits
        // In the C locale libarchive hands out names as they are. In any UTF-8 one it normalizes those of pax headers
        // (to NFC), which would rename files.
        locale = newlocale(LC_CTYPE_MASK, "C", nil)
        outerLocale = locale.map { uselocale($0) } ?? nil
        archive_read_support_format_tar(archive)
        archive_read_support_format_empty(archive)
        let opened = archive_read_open(
            archive, Unmanaged.passUnretained(input).toOpaque(), nil,
            { archive, context, buffer in
                guard let context, let buffer else { return -1 }
                let input = Unmanaged<ArchiveInput>.fromOpaque(context).takeUnretainedValue()
                guard let bytes = input.next() else { return -1 }
                buffer.pointee = bytes.baseAddress
                return bytes.count
            }, nil)
        guard opened == ARCHIVE_OK else { throw input.failure ?? archiveError(archive) }
    }

    /// The next entry, valid until the next call; nil at the end.
    func next() throws(RuntimeError) -> ArchiveEntry? {
        var entry: OpaquePointer?
        let code = archive_read_next_header(archive, &entry)
        if code == ARCHIVE_EOF { return nil }
        guard code == ARCHIVE_OK || (code == ARCHIVE_WARN && isAboutEncoding), let entry else {
            throw input.failure ?? archiveError(archive)
        }
        entries += 1
        guard entries <= limits.maximumEntries else {
            throw RuntimeError(.badImage, "archive has more than \(limits.maximumEntries) entries")
        }
        return ArchiveEntry(raw: entry)
    }

    /// Whether the last warning says that a name is not of the locale, in which case the name's bytes are handed out.
    /// Any other warning means that libarchive ignored something, and others might not: that is refused.
    private var isAboutEncoding: Bool {
        guard let message = archive_error_string(archive).map({ String(cString: $0) }) else { return false }
        return ["Pathname", "Linkname", "Uname", "Gname"].contains { message.hasPrefix("\($0) can't be converted") }
    }

    /// Calls back with the pieces of the current entry's content and where they belong; what is between is a hole.
    func content(_ body: (UnsafeRawBufferPointer, Int64) throws(RuntimeError) -> Void) throws(RuntimeError) {
        while true {
            var start: UnsafeRawPointer?
            var count = 0
            var offset: Int64 = 0
            let code = archive_read_data_block(archive, &start, &count, &offset)
            if code == ARCHIVE_EOF { return }
            guard code == ARCHIVE_OK else { throw input.failure ?? archiveError(archive) }
            if count > 0 { try body(UnsafeRawBufferPointer(start: start, count: count), offset) }
        }
    }

    deinit {
        archive_read_free(archive)
        if let outerLocale { uselocale(outerLocale) }
        if let locale { freelocale(locale) }
    }
}

/// An entry of an archive.
struct ArchiveEntry {
    fileprivate let raw: OpaquePointer

    /// The name's bytes.
    var name: [UInt8] { Self.bytes(archive_entry_pathname(raw)) ?? [] }
    /// What a hard link leads to; nil for anything else.
    var hardLinkTarget: [UInt8]? { Self.bytes(archive_entry_hardlink(raw)) }
    /// What a symbolic link says; nil for anything else.
    var symbolicLinkTarget: [UInt8]? { Self.bytes(archive_entry_symlink(raw)) }
    /// `S_IFREG` and the like.
    var type: mode_t { archive_entry_filetype(raw) & S_IFMT }
    /// The permission bits, setuid, setgid and sticky included.
    var permissions: mode_t { archive_entry_perm(raw) & 0o7777 }
    /// The size of the content with its holes.
    var size: Int64 { archive_entry_size(raw) }
    /// The owner; negative or too large when the archive says so.
    var userID: Int64 { archive_entry_uid(raw) }
    /// The group; negative or too large when the archive says so.
    var groupID: Int64 { archive_entry_gid(raw) }
    /// A device's number.
    var device: dev_t { archive_entry_rdev(raw) }
    /// When the content changed last.
    var modified: timespec { timespec(tv_sec: archive_entry_mtime(raw), tv_nsec: archive_entry_mtime_nsec(raw)) }

    /// Calls back with the extended attributes.
    func extendedAttributes(
        _ body: (UnsafePointer<CChar>, UnsafeRawBufferPointer) throws(RuntimeError) -> Void
    ) throws(RuntimeError) {
        _ = archive_entry_xattr_reset(raw)
        var name: UnsafePointer<CChar>?
        var value: UnsafeRawPointer?
        var size = 0
        while archive_entry_xattr_next(raw, &name, &value, &size) == ARCHIVE_OK {
            if let name { try body(name, UnsafeRawBufferPointer(start: value, count: size)) }
        }
    }

    private static func bytes(_ text: UnsafePointer<CChar>?) -> [UInt8]? {
        text.map { text in Array(UnsafeRawBufferPointer(start: text, count: strlen(text))) }
    }
}
