import CLinux
import Failpoints
import Glibc
import Linux
import Model

/// The program `martlet-supervisor`.
public enum SupervisorMain {
    /// Supervises the pod that the configuration file in the first argument describes.
    ///
    /// Standard output is a pipe to whoever started it: `ready`, or why it is not. Standard error is its log.
    ///
    /// - Returns: The exit code.
    public static func run(arguments: [String]) -> Int32 {
        guard arguments.count == 2 else {
            tell("usage: martlet-supervisor CONFIG")
            return 2
        }
        // The kernel would name it after the descriptor that it was executed through; 15 bytes, see comm in proc(5).
        _ = linux_set_process_name("martlet-supervi")
        do {
            failpoint(.supervisorBegun, arguments[1])
            let bytes = try readFile(arguments[1], limit: 1 << 20)
            let config = try SupervisorConfig(json: JSONValue(parsing: bytes))
            let supervisor = try Supervisor(config)
            failpoint(.supervisorListening, arguments[1])
            tell("ready")
            failpoint(.supervisorTold, arguments[1])
            try silenceOutput()
            try supervisor.run()
            return 0
        } catch {
            tell("\(error)")
            return 1
        }
    }

    private static func tell(_ text: String) {
        let bytes = Array("\(text)\n".utf8)
        while write(STDOUT_FILENO, bytes, bytes.count) < 0, errno == EINTR {}
    }

    private static func silenceOutput() throws(LinuxError) {
        let null = try Descriptor(opening: "/dev/null", flags: O_RDWR)
        try systemCall("dup2") { dup2(null.raw, STDOUT_FILENO) }
    }
}
