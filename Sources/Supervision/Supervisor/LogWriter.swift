import Glibc
import Linux
import Model

/// A container's log file in the CRI format (`TIME STREAM TAG LINE`), rotated by size: `LOG`, `LOG.1` (newer), `LOG.2`...
///
/// A failing disk never stops the container: what cannot be written is counted and dropped.
final class LogWriter {
    /// The longest line in one entry; longer ones are cut into entries with the tag `P`.
    static let longestLine = 16 << 10

    private let target: LogTarget
    private var file: Int32?
    private var size: Int64 = 0
    /// How many bytes of entries were dropped.
    private(set) var dropped: Int64 = 0

    init(_ target: LogTarget) throws(LinuxError) {
        self.target = target
        try makeDirectories(parentDirectory(of: target.path))
        try open()
    }

    deinit { if let file { close(file) } }

    private func open() throws(LinuxError) {
        let flags = O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW
        file = try Descriptor(opening: target.path, flags: flags, mode: 0o640).release()
        var status = stat()
        size = file.map { fstat($0, &status) } == 0 ? Int64(status.st_size) : 0
    }

    /// Writes whole entries. None is spread over two files, and none makes a file larger than it may be, unless it is so
    /// large by itself.
    func write(_ entries: [UInt8]) {
        var rest = entries[...]
        while !rest.isEmpty {
            let room = Int(clamping: target.maximumBytes - size)
            guard let part = Self.wholeEntries(rest, most: room, orFirst: size == 0) else {
                rotate()
                continue
            }
            append(part)
            rest = rest[part.endIndex...]
        }
    }

    /// As many of the entries as so many bytes have room for; nil when that is none.
    private static func wholeEntries(_ entries: ArraySlice<UInt8>, most: Int, orFirst: Bool) -> ArraySlice<UInt8>? {
        if entries.count <= most { return entries }
        if most > 0, let end = entries.prefix(most).lastIndex(of: 0x0A) { return entries[...end] }
        return orFirst ? entries[...(entries.firstIndex(of: 0x0A) ?? entries.endIndex - 1)] : nil
    }

    private func append(_ entries: ArraySlice<UInt8>) {
        do {
            if file == nil { try open() }
            guard let file else { return }
            try writeAll(file, Array(entries), path: target.path)
            size += Int64(entries.count)
        } catch {
            dropped += Int64(entries.count)
        }
    }

    private func rotate() {
        if let file { close(file) }
        file = nil
        size = 0
        if target.maximumFiles <= 1 {
            unlink(target.path)
            return
        }
        for index in stride(from: target.maximumFiles - 1, to: 1, by: -1) {
            rename("\(target.path).\(index - 1)", "\(target.path).\(index)")
        }
        rename(target.path, "\(target.path).1")
    }
}

/// Cuts one stream of output into log entries.
struct LogFormatter {
    /// `stdout` or `stderr`.
    let stream: String
    private var pending: [UInt8] = []

    init(stream: String) { self.stream = stream }

    /// The entries that some output completes.
    mutating func entries(for output: ArraySlice<UInt8>, at time: Timestamp) -> [UInt8] {
        let prefix = Array("\(time.preciseDescription) \(stream) ".utf8)
        var entries: [UInt8] = []
        entries.reserveCapacity(output.count + 64)
        var rest = output
        while let newline = rest.firstIndex(of: 0x0A) {
            pending += rest[..<newline]
            rest = rest[(newline + 1)...]
            cut(into: &entries, prefix: prefix)
            Self.append(pending[...], tag: "F", prefix: prefix, to: &entries)
            pending.removeAll(keepingCapacity: pending.count < 256)
        }
        pending += rest
        cut(into: &entries, prefix: prefix)
        return entries
    }

    /// The entry for a last line without an end, if there is one.
    mutating func finish(at time: Timestamp) -> [UInt8] {
        guard !pending.isEmpty else { return [] }
        var entries: [UInt8] = []
        Self.append(pending[...], tag: "P", prefix: Array("\(time.preciseDescription) \(stream) ".utf8), to: &entries)
        pending = []
        return entries
    }

    private mutating func cut(into entries: inout [UInt8], prefix: [UInt8]) {
        while pending.count > LogWriter.longestLine {
            Self.append(pending[..<LogWriter.longestLine], tag: "P", prefix: prefix, to: &entries)
            pending.removeFirst(LogWriter.longestLine)
        }
    }

    private static func append(
        _ line: ArraySlice<UInt8>, tag: Character, prefix: [UInt8], to entries: inout [UInt8]
    ) {
        entries += prefix
        entries += Array("\(tag) ".utf8)
        entries += line
        entries.append(0x0A)
    }
}
