import Glibc
import Linux

/// A child of the test: `/bin/sh -c SCRIPT`, which starts when `release` is called.
struct ChildProcess: ~Copyable {
    let pid: Int32
    private let gate: Int32

    /// Starts a shell that waits for a line, then becomes or runs the script.
    init(script: String) throws {
        var ends: [Int32] = [-1, -1]
        guard pipe(&ends) == 0 else { throw LinuxError.last("pipe") }
        for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_adddup2(&actions, ends[0], 0)
        posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0)
        posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0)
        let words = ["sh", "-c", "read line || exit 99\n" + script]
        var arguments: [UnsafeMutablePointer<CChar>?] = words.map { strdup($0) } + [nil]
        defer { for argument in arguments { free(argument) } }
        var pid: pid_t = 0
        let code = posix_spawn(&pid, "/bin/sh", &actions, nil, &arguments, environ)
        close(ends[0])
        if code != 0 { throw LinuxError("posix_spawn", path: "/bin/sh", errno: code) }
        self.pid = pid
        gate = ends[1]
    }

    /// Lets the script run.
    func release() throws { try writeAll(gate, [UInt8(ascii: "\n")], path: "gate") }

    /// Waits for the end: the exit code, or 128 + signal.
    consuming func wait() throws -> Int32 {
        close(gate)
        var status: Int32 = 0
        let pid = pid
        try systemCall("waitpid") { waitpid(pid, &status, 0) }
        return status & 0x7F == 0 ? status >> 8 & 0xFF : 128 + status & 0x7F
    }
}

/// Whether the test may use the kernel as root.
let isRoot = geteuid() == 0
