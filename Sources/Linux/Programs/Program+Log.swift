import Glibc

extension Program {
    /// The last lines that the program wrote, oldest first; none when there is no log.
    public func lastLines(_ count: Int) -> [String] {
        guard let tail = try? tail(of: 16 << 10) else { return [] }
        return String(decoding: tail, as: UTF8.self).split(separator: "\n").suffix(count).map(String.init)
    }

    /// Keeps the log within its limit: of one that has grown beyond, the last half of the limit is kept as `FILE.1` and the
    /// rest is given up. What the program writes in between is lost.
    public func boundLog() throws(LinuxError) {
        var status = stat()
        guard lstat(logFile, &status) == 0, status.st_size > logLimit else { return }
        try writeWhole("\(logFile).1", try tail(of: logLimit / 2))
        // The program appends: it goes on at the new end.
        try systemCall("truncate", path: logFile) { truncate(logFile, 0) }
    }

    private func tail(of limit: Int) throws(LinuxError) -> [UInt8] {
        let file = try Descriptor(opening: logFile, flags: O_RDONLY | O_NOFOLLOW)
        let end = try systemCall("lseek", path: logFile) { lseek(file.raw, 0, SEEK_END) }
        var bytes = [UInt8](repeating: 0, count: min(limit, Int(end)))
        let count = try systemCall("pread", path: logFile) {
            pread(file.raw, &bytes, bytes.count, end - bytes.count)
        }
        return Array(bytes[..<count])
    }
}
