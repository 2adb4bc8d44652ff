internal import CArchive

/// One entry of a tar archive as a test wants it, right or wrong.
struct TarEntry {
    var name: [UInt8]
    var type: Character = "0"
    var content: [UInt8] = []
    var link: [UInt8] = []
    var mode = 0o644
    var owner = 0
    var group = 0
    var modified = 1_600_000_000
    var device = (major: 0, minor: 0)
    /// Records of a pax header in front of the entry.
    var pax: [(key: String, value: [UInt8])] = []
    /// What the ustar header says the size is, when not the truth.
    var claimedSize: Int?

    init(_ name: String, _ change: (inout TarEntry) -> Void = { _ in }) {
        self.name = Array(name.utf8)
        change(&self)
    }

    static func file(_ name: String, _ text: String = "", mode: Int = 0o644) -> TarEntry {
        TarEntry(name) {
            $0.content = Array(text.utf8)
            $0.mode = mode
        }
    }

    static func directory(_ name: String, mode: Int = 0o755) -> TarEntry {
        TarEntry(name) {
            $0.type = "5"
            $0.mode = mode
        }
    }

    static func symbolicLink(_ name: String, to target: String) -> TarEntry {
        TarEntry(name) {
            $0.type = "2"
            $0.link = Array(target.utf8)
            $0.mode = 0o777
        }
    }

    static func hardLink(_ name: String, to target: String) -> TarEntry {
        TarEntry(name) {
            $0.type = "1"
            $0.link = Array(target.utf8)
        }
    }

    /// With an extended attribute, as GNU tar and Docker write them.
    func attribute(_ name: String, _ value: [UInt8]) -> TarEntry {
        var copy = self
        copy.pax.append(("SCHILY.xattr.\(name)", value))
        return copy
    }

    var bytes: [UInt8] {
        var result: [UInt8] = []
        if !pax.isEmpty {
            let records = pax.flatMap { Self.record($0.key, $0.value) }
            result +=
                TarEntry("pax-header") {
                    $0.type = "x"
                    $0.content = records
                }.bytes
        }
        return result + header + content + [UInt8](repeating: 0, count: (512 - content.count % 512) % 512)
    }

    private var header: [UInt8] {
        var block = [UInt8](repeating: 0, count: 512)
        func put(_ bytes: some Sequence<UInt8>, _ offset: Int, _ width: Int) {
            for (index, byte) in bytes.prefix(width).enumerated() { block[offset + index] = byte }
        }
        func octal(_ value: Int, _ offset: Int, _ width: Int) {
            let digits = String(value, radix: 8)
            put((String(repeating: "0", count: max(0, width - 1 - digits.count)) + digits).utf8, offset, width - 1)
        }
        put(name, 0, 100)
        octal(mode, 100, 8)
        octal(owner, 108, 8)
        octal(group, 116, 8)
        octal(claimedSize ?? content.count, 124, 12)
        octal(modified, 136, 12)
        put("        ".utf8, 148, 8)
        put(String(type).utf8, 156, 1)
        put(link, 157, 100)
        put("ustar\u{0}00".utf8, 257, 8)
        octal(device.major, 329, 8)
        octal(device.minor, 337, 8)
        octal(block.reduce(0) { $0 + Int($1) }, 148, 7)
        return block
    }

    /// A pax record says how long it is, that number included (pax(1), "pax Extended Header").
    private static func record(_ key: String, _ value: [UInt8]) -> [UInt8] {
        let rest = Array(" \(key)=".utf8) + value + [UInt8(ascii: "\n")]
        var length = rest.count + 1
        while "\(length)".utf8.count + rest.count != length { length = "\(length)".utf8.count + rest.count }
        return Array("\(length)".utf8) + rest
    }
}

/// A tar archive.
func tar(_ entries: [TarEntry]) -> [UInt8] {
    entries.flatMap(\.bytes) + [UInt8](repeating: 0, count: 1024)
}

/// How a layer is compressed.
enum Compression: String, CaseIterable, Sendable {
    case none = ""
    case gzip = "+gzip"
    case zstd = "+zstd"

    func compress(_ bytes: [UInt8]) -> [UInt8] {
        guard self != .none, let archive = archive_write_new() else { return bytes }
        defer { archive_write_free(archive) }
        if self == .gzip { archive_write_add_filter_gzip(archive) } else { archive_write_add_filter_zstd(archive) }
        archive_write_set_format_raw(archive)
        archive_write_set_bytes_in_last_block(archive, 1)
        var output = [UInt8](repeating: 0, count: bytes.count + 65536)
        var used = 0
        output.withUnsafeMutableBytes { buffer in
            archive_write_open_memory(archive, buffer.baseAddress, buffer.count, &used)
            let entry = archive_entry_new()
            archive_entry_set_filetype(entry, 0o100000)
            archive_write_header(archive, entry)
            bytes.withUnsafeBytes { _ = archive_write_data(archive, $0.baseAddress, $0.count) }
            archive_entry_free(entry)
            archive_write_close(archive)
        }
        return Array(output[..<used])
    }
}
