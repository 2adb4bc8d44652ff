import Glibc
import Linux
import Model
import Wire

/// Reads a container's log, over rotated files, and follows it as it grows.
///
/// Rotated files stand beside the log as `FILE.1` (newest), `FILE.2`, ...
struct LogReader {
    let path: String
    let request: PodLogRequest
    let sink: any PodLogSink
    /// Whether the container may still write.
    let isLive: () -> Bool
    private var sent = 0
    /// Whether the next entry goes on with the line of the one before.
    private var isContinued = false
    /// Whether the line that the next entry goes on with is among those asked for.
    private var isWanted = true

    init(path: String, request: PodLogRequest, sink: any PodLogSink, isLive: @escaping () -> Bool) {
        self.path = path
        self.request = request
        self.sink = sink
        self.isLive = isLive
    }

    /// Sends what is asked for; with `follow`, until the container has ended or nobody listens.
    mutating func run() throws(LinuxError) {
        var cursor = try start()
        defer { cursor.close() }
        guard request.follow else { return try readToEnd(&cursor) }
        while sink.isOpen {
            // Asked before reading: what was written before the container ended is then read for certain.
            let wasLive = isLive()
            guard try drain(&cursor) else { return }
            if try cursor.advanceToNewerFile(path) { continue }
            if !wasLive { return }
            cursor.waitForGrowth(milliseconds: 200)
        }
    }

    /// Sends what is there now, however fast more is written.
    private mutating func readToEnd(_ cursor: inout LogCursor) throws(LinuxError) {
        let files = LogCursor.files(of: path)
        while sink.isOpen {
            let isLast = files.first?.inode == cursor.inode
            guard try drain(&cursor, upTo: isLast ? files.first?.size : nil), !isLast else { return }
            let isAhead = try cursor.advanceToNewerFile(path)
            // A file that is not known was begun after this was asked for.
            guard isAhead, files.contains(where: { $0.inode == cursor.inode }) else { return }
        }
    }

    /// Sends the complete lines that are there; false when enough was sent or nobody listens.
    ///
    /// - Parameter end: where in the file to stop; at its end when nil.
    private mutating func drain(_ cursor: inout LogCursor, upTo end: off_t? = nil) throws(LinuxError) -> Bool {
        while let lines = try cursor.nextLines(upTo: end) {
            var output: [UInt8] = []
            for line in lines {
                guard let parsed = LogLine(line) else { continue }
                if !isContinued { isWanted = request.since.map { parsed.time >= $0 } ?? true }
                if isWanted { output += parsed.rendered(timestamps: request.timestamps && !isContinued) }
                isContinued = parsed.isPartial
            }
            guard send(output) else { return false }
        }
        return true
    }

    private mutating func send(_ bytes: [UInt8]) -> Bool {
        guard !bytes.isEmpty else { return true }
        guard let limit = request.limitBytes else { return sink.write(bytes) }
        let part = Array(bytes.prefix(max(0, limit - sent)))
        sent += part.count
        return sink.write(part) && sent < limit
    }

    /// Opens the file and position at which the wanted lines start. Names move while they are looked at: what was found
    /// counts only when nothing has moved meanwhile.
    private func start() throws(LinuxError) -> LogCursor {
        for _ in 0..<100 {
            let files = LogCursor.files(of: path)
            guard !files.isEmpty else { break }
            do throws(LinuxError) {
                let cursor = try begin(in: files.map(\.path))
                if LogCursor.files(of: path) == files { return cursor }
                cursor.close()
            } catch  where error.errno == ENOENT {
                continue
            }
        }
        throw LinuxError("open", path: path, errno: ENOENT)
    }

    /// - Parameter files: of the log, the newest first, at least one.
    private func begin(in files: [String]) throws(LinuxError) -> LogCursor {
        let oldest = files[files.count - 1]
        guard var wanted = request.tailLines else { return try LogCursor(path: oldest) }
        for (name, older) in zip(files, files.dropFirst()) {
            let isContinued = try Self.endsWithin(line: older)
            let (offset, found) = try Self.tailOffset(of: name, lines: wanted, isContinued: isContinued)
            wanted -= found
            if wanted <= 0 { return try LogCursor(path: name, offset: offset) }
        }
        return try LogCursor(path: oldest, offset: Self.tailOffset(of: oldest, lines: wanted).offset)
    }

    /// Where the last lines of a file start, counting back from its end in blocks; a line and its partial pieces are one.
    ///
    /// - Parameter isContinued: whether the file begins within a line that an older file holds the start of.
    static func tailOffset(
        of path: String, lines: Int, isContinued: Bool = false
    ) throws(LinuxError) -> (offset: Int64, found: Int) {
        let file = try Descriptor(opening: path, flags: O_RDONLY)
        let size = Int64(lseek(file.raw, 0, SEEK_END))
        guard lines > 0 else { return (size, 0) }
        var position = size
        var text: [UInt8] = []
        var found = 0
        while position > 0 {
            // Twice as much each time, so that a long tail is not looked through again for every block.
            let length = min(position, Int64(max(64 << 10, text.count)))
            position -= length
            text = try read(file.raw, at: position, count: Int(length), path: path) + text
            let starts = lineStarts(in: text, isCut: position > 0, isContinued: isContinued)
            if starts.count >= lines { return (position + Int64(starts[starts.count - lines]), lines) }
            found = starts.count
        }
        return (0, found)
    }

    /// Whether the last entry of a file is a piece whose line goes on in the next file.
    private static func endsWithin(line path: String) throws(LinuxError) -> Bool {
        let file = try Descriptor(opening: path, flags: O_RDONLY)
        let size = Int64(lseek(file.raw, 0, SEEK_END))
        // An entry is at most 16 KiB of text behind its time, stream and tag.
        let length = min(size, 32 << 10)
        let text = try read(file.raw, at: size - length, count: Int(length), path: path)
        return text.split(separator: 0x0A).last.flatMap { LogLine($0) }?.isPartial ?? false
    }

    private static func read(
        _ descriptor: Int32, at position: Int64, count: Int, path: String
    ) throws(LinuxError) -> [UInt8] {
        var block = [UInt8](repeating: 0, count: count)
        guard pread(descriptor, &block, count, off_t(position)) == count else {
            throw LinuxError.last("read", path: path)
        }
        return block
    }

    /// Offsets at which whole lines start: behind a line break, unless the entry before it was partial. What has no line
    /// break yet is no line.
    ///
    /// - Parameter isCut: whether the text begins anywhere in a file. Then its first entry cannot be judged, and neither
    ///   whether the second goes on with it.
    private static func lineStarts(in text: [UInt8], isCut: Bool, isContinued: Bool) -> [Int] {
        var starts: [Int] = []
        var entryStart = 0
        var isWithinLine = isCut || isContinued
        while let end = text[entryStart...].firstIndex(of: 0x0A) {
            if !isWithinLine { starts.append(entryStart) }
            let isUnknown = isCut && entryStart == 0
            isWithinLine = isUnknown || LogLine(text[entryStart..<end])?.isPartial ?? false
            entryStart = end + 1
        }
        return starts
    }
}

/// A position in a log that moves on to newer files as they are rotated.
struct LogCursor {
    private let path: String
    private var descriptor: Int32
    private(set) var inode: ino_t
    private var rest: [UInt8] = []

    init(path: String, offset: Int64 = 0) throws(LinuxError) {
        self.path = path
        descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw LinuxError.last("open", path: path) }
        lseek(descriptor, off_t(offset), SEEK_SET)
        var status = stat()
        fstat(descriptor, &status)
        inode = status.st_ino
    }

    func close() { _ = Glibc.close(descriptor) }

    /// The complete lines of the next block; nil at the end of the file.
    ///
    /// - Parameter end: where in the file to stop before its end.
    mutating func nextLines(upTo end: off_t? = nil) throws(LinuxError) -> [ArraySlice<UInt8>]? {
        let left = end.map { max(0, $0 - lseek(descriptor, 0, SEEK_CUR)) } ?? .max
        var block = [UInt8](repeating: 0, count: min(64 << 10, left))
        let count = read(descriptor, &block, block.count)
        if count < 0 { throw LinuxError.last("read", path: path) }
        if count == 0 { return nil }
        let text = rest + block.prefix(count)
        guard let last = text.lastIndex(of: 0x0A) else {
            rest = text
            return []
        }
        rest = Array(text[(last + 1)...])
        return text[..<last].split(separator: 0x0A)
    }

    /// Goes on with the file that was begun when this one was rotated away; false when this is still the newest.
    /// Stays for one more round when there is something left to read: it may have been written after the last read
    /// and before the rotation, after which nothing is added.
    ///
    /// Names move while they are looked at, inodes do not: what was seen counts only when nothing has moved meanwhile.
    mutating func advanceToNewerFile(_ log: String) throws(LinuxError) -> Bool {
        var status = stat()
        guard stat(log, &status) == 0, status.st_ino != inode else { return false }
        var own = stat()
        if fstat(descriptor, &own) == 0, lseek(descriptor, 0, SEEK_CUR) < own.st_size { return true }
        while true {
            let files = Self.files(of: log)
            // Of the files that are newer than this one, the oldest comes next.
            let place = files.firstIndex { $0.inode == inode } ?? files.count
            guard place > 0 else { return false }
            let next = files[place - 1]
            do throws(LinuxError) {
                let newer = try LogCursor(path: next.path)
                if newer.inode == next.inode, Self.files(of: log) == files {
                    close()
                    self = newer
                    return true
                }
                newer.close()
            } catch {
                guard error.errno == ENOENT else { throw error }
            }
        }
    }

    /// A file of a log.
    struct File: Equatable {
        var path: String
        var inode: ino_t
        var size: off_t = 0

        static func == (left: File, right: File) -> Bool { (left.path, left.inode) == (right.path, right.inode) }
    }

    /// The files of a log that are there, the newest first. A crash amid a rotation leaves a gap in their numbers.
    static func files(of log: String) -> [File] {
        (0...64).compactMap { index in
            let path = index == 0 ? log : "\(log).\(index)"
            var status = stat()
            return stat(path, &status) == 0 ? File(path: path, inode: status.st_ino, size: status.st_size) : nil
        }
    }

    /// Waits until the file may have grown (inotify(7)), at most so long.
    func waitForGrowth(milliseconds: Int32) {
        let watcher = inotify_init1(Int32(IN_CLOEXEC | IN_NONBLOCK))
        guard watcher >= 0 else { return }
        defer { _ = Glibc.close(watcher) }
        inotify_add_watch(watcher, "/proc/self/fd/\(descriptor)", UInt32(IN_MODIFY | IN_MOVE_SELF | IN_DELETE_SELF))
        var entry = pollfd(fd: watcher, events: Int16(POLLIN), revents: 0)
        _ = poll(&entry, 1, milliseconds)
    }
}
