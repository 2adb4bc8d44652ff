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
        while sink.isOpen {
            // Asked before reading: what was written before the container ended is then read for certain.
            let wasLive = isLive()
            guard try drain(&cursor) else { return }
            if try cursor.advanceToNewerFile(path) { continue }
            if !request.follow || !wasLive { return }
            cursor.waitForGrowth(milliseconds: 200)
        }
    }

    /// Sends the complete lines that are there; false when enough was sent or nobody listens.
    private mutating func drain(_ cursor: inout LogCursor) throws(LinuxError) -> Bool {
        while let lines = try cursor.nextLines() {
            var output: [UInt8] = []
            for line in lines {
                guard let parsed = LogLine(line) else { continue }
                if let since = request.since, parsed.time < since { continue }
                output += parsed.rendered(timestamps: request.timestamps)
            }
            guard send(output) else { return false }
        }
        return true
    }

    private mutating func send(_ bytes: [UInt8]) -> Bool {
        guard !bytes.isEmpty else { return true }
        guard let limit = request.limitBytes else { return sink.write(bytes) }
        let part = Array(bytes.prefix(limit - sent))
        sent += part.count
        return sink.write(part) && sent < limit
    }

    /// Opens the file and position at which the wanted lines start.
    private func start() throws(LinuxError) -> LogCursor {
        var older = 0
        while older < 64, fileExists("\(path).\(older + 1)") { older += 1 }
        guard let tail = request.tailLines else {
            return try LogCursor(path: older == 0 ? path : "\(path).\(older)")
        }
        var wanted = tail
        for index in 0...older {
            let name = index == 0 ? path : "\(path).\(index)"
            let (offset, found) = try Self.tailOffset(of: name, lines: wanted)
            wanted -= found
            if wanted <= 0 || index == older { return try LogCursor(path: name, offset: offset) }
        }
        return try LogCursor(path: path)
    }

    /// Where the last lines of a file start, counting back from its end in blocks; a line and its partial pieces are one.
    static func tailOffset(of path: String, lines: Int) throws(LinuxError) -> (offset: Int64, found: Int) {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw LinuxError.last("open", path: path) }
        defer { close(descriptor) }
        let size = Int64(lseek(descriptor, 0, SEEK_END))
        guard lines > 0 else { return (size, 0) }
        var position = size
        var text: [UInt8] = []
        var found = 0
        while position > 0 {
            let length = min(position, 64 << 10)
            position -= length
            var block = [UInt8](repeating: 0, count: Int(length))
            guard pread(descriptor, &block, block.count, off_t(position)) == block.count else {
                throw LinuxError.last("read", path: path)
            }
            text = block + text
            let ends = lineStarts(in: text, isWholeFile: position == 0)
            if ends.count >= lines { return (position + Int64(ends[ends.count - lines]), lines) }
            found = ends.count
        }
        return (0, found)
    }

    /// Offsets at which whole lines start: behind a line break, unless the line before it was partial.
    private static func lineStarts(in text: [UInt8], isWholeFile: Bool) -> [Int] {
        var starts: [Int] = []
        var lineStart = 0
        // Within a file, the first line may be cut off by the block; it cannot be judged.
        var isContinued = !isWholeFile
        while lineStart < text.count {
            let end = text[lineStart...].firstIndex(of: 0x0A) ?? text.count
            if !isContinued { starts.append(lineStart) }
            isContinued = LogLine(text[lineStart..<end])?.isPartial ?? false
            lineStart = end + 1
        }
        return starts
    }
}

/// A position in a log that moves on to newer files as they are rotated.
struct LogCursor {
    private let path: String
    private var descriptor: Int32
    private var inode: ino_t
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
    mutating func nextLines() throws(LinuxError) -> [ArraySlice<UInt8>]? {
        var block = [UInt8](repeating: 0, count: 64 << 10)
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
    mutating func advanceToNewerFile(_ log: String) throws(LinuxError) -> Bool {
        var status = stat()
        guard stat(log, &status) == 0, status.st_ino != inode else { return false }
        var own = stat()
        if fstat(descriptor, &own) == 0, lseek(descriptor, 0, SEEK_CUR) < own.st_size { return true }
        // Of the files that are newer than this one, the oldest comes next.
        var next = log
        for index in 1...64 {
            var older = stat()
            guard stat("\(log).\(index)", &older) == 0 else { break }
            if older.st_ino == inode { break }
            next = "\(log).\(index)"
        }
        let newer = try LogCursor(path: next)
        close()
        self = newer
        return true
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
