import Glibc

extension Program {
    /// Finds the program that an earlier process started; nil when it does not run.
    ///
    /// The process that the file names is taken when number, start time and executable are the same and its environment
    /// names the file. Without a file that says so, every session leader of the machine is looked at.
    public func find() throws(LinuxError) -> RunningProgram? {
        if let recorded = recordedProcess(), let running = try adopt(recorded.pid, startTime: recorded.startTime) {
            return running
        }
        let processes = try listDirectory("/proc").compactMap(Int32.init)
        for pid in processes where isSessionLeader(pid) {
            guard let startTime = processStartTime(pid), let running = try adopt(pid, startTime: startTime) else {
                continue
            }
            try writeDurably(pidFile, text: "\(pid) \(startTime) \(executable)\n", mode: 0o644)
            return running
        }
        return nil
    }

    /// What the file says.
    private func recordedProcess() -> (pid: Int32, startTime: UInt64)? {
        guard let text = try? readText(pidFile, limit: 64 << 10) else { return nil }
        let words = text.split(whereSeparator: \.isWhitespace)
        guard words.count >= 2, let pid = Int32(words[0]), let startTime = UInt64(words[1]) else { return nil }
        return (pid, startTime)
    }

    /// Takes over a process if it is this program.
    private func adopt(_ pid: Int32, startTime: UInt64) throws(LinuxError) -> RunningProgram? {
        guard let pidfd = try openProcess(pid) else { return nil }
        // What is compared belongs to the opened process: its number cannot be another's while it is there.
        guard processStartTime(pid) == startTime, runsThis(pid), isSessionLeader(pid) else {
            close(pidfd)
            return nil
        }
        return RunningProgram(pid: pid, startTime: startTime, pidfd: pidfd, isChild: false)
    }

    private func runsThis(_ pid: Int32) -> Bool {
        guard let environment = try? readFile("/proc/\(pid)/environ", limit: 1 << 20),
            environment.split(separator: 0).contains(where: { $0.elementsEqual(marker.utf8) }),
            let running = linkTarget("/proc/\(pid)/exe")
        else { return false }
        // An executable that a newer package has replaced is still this program.
        let suffix = " (deleted)"
        let path = running.hasSuffix(suffix) ? String(running.dropLast(suffix.count)) : running
        return path == executable || path == realPath(executable)
    }
}

/// What a symbolic link holds; nil where there is none.
func linkTarget(_ path: String) -> String? {
    var characters = [CChar](repeating: 0, count: 4096)
    let count = readlink(path, &characters, characters.count)
    return count > 0 ? String(decoding: characters[..<count].map { UInt8(bitPattern: $0) }, as: UTF8.self) : nil
}

/// The path without symbolic links; nil where nothing has it.
func realPath(_ path: String) -> String? {
    guard let resolved = realpath(path, nil) else { return nil }
    defer { free(resolved) }
    return String(cString: resolved)
}
