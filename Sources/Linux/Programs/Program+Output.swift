import CLinux
import Glibc

extension Program {
    /// Where the program's standard output goes: the log, or a pipe of `outputRoom` bytes or as many as the kernel grants.
    ///
    /// The program has the pipe for reading and writing (fifo(7)), so that what it writes stays while nobody follows it, and it is not told
    /// that nobody does.
    func makeOutput(_ log: borrowing Descriptor) throws(LinuxError) -> Descriptor {
        guard let outputRoom else { return Descriptor(owning: try duplicate(log.raw)) }
        let pipe = try Pipe()
        defer { pipe.close() }
        let output = try Descriptor(opening: "/proc/self/fd/\(pipe.reading)", flags: O_RDWR)
        if linux_set_pipe_room(output.raw, Int32(clamping: outputRoom)) < 0 {
            // More than this takes CAP_SYS_RESOURCE (pipe(7)).
            let most = try readText("/proc/sys/fs/pipe-max-size").split(separator: "\n").first.flatMap { Int32($0) }
            _ = linux_set_pipe_room(output.raw, most ?? 65_536)
        }
        return output
    }
}

extension RunningProgram {
    /// Opens the pipe that the standard output of a process goes to, to be read without waiting.
    ///
    /// - Throws: with `EINVAL` when it goes to something else.
    public static func openOutput(pid: Int32) throws(LinuxError) -> Int32 {
        let path = "/proc/\(pid)/fd/1"
        let output = try Descriptor(opening: path, flags: O_RDONLY | O_NONBLOCK)
        var status = stat()
        try systemCall("fstat", path: path) { fstat(output.raw, &status) }
        guard status.st_mode & S_IFMT == S_IFIFO else { throw LinuxError("open", path: path, errno: EINVAL) }
        return output.release()
    }
}
