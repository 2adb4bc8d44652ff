import Failpoints
import Glibc
import Linux
import Model

/// Unpacks in a confined process of its own: see `LayerUnpackHelper`.
public struct HelperUnpacker: LayerUnpacker {
    /// A report is refused beyond this size: the process that writes it has read an archive from a stranger.
    private static let maximumReport = 64 << 20

    private let executable: String
    private let arguments: [String]

    /// Makes an unpacker.
    ///
    /// - Parameters:
    ///   - executable: The program whose `main` calls `LayerUnpackHelper.run`, by absolute path; `/proc/self/exe` is
    ///     this program, even after its file was replaced.
    ///   - arguments: What makes it do so; the helper's own arguments follow.
    public init(executable: String = "/proc/self/exe", arguments: [String] = ["internal-unpack"]) {
        self.executable = executable
        self.arguments = arguments
    }

    /// Unpacks an archive into an empty directory.
    public func unpack(
        _ job: UnpackJob, archive: borrowing Descriptor, into directory: borrowing Descriptor, limits: UnpackLimits
    ) throws(RuntimeError) -> UnpackReport {
        let arguments = [executable] + arguments + LayerUnpackHelper.arguments(job, limits: limits)
        let (output, status) = try run(arguments, archive: archive.raw, directory: directory.raw)
        guard let json = try? JSONValue(parsing: output) else {
            throw RuntimeError(.system, "the unpacking process ended \(Self.describe(status)) without a report")
        }
        if let message = json["error"]?.string,
            let code = json["code"]?.string.flatMap(RuntimeError.Code.init(rawValue:))
        {
            throw RuntimeError(code, message)
        }
        guard status == 0, let report = UnpackReport(json: json) else {
            throw RuntimeError(.system, "the unpacking process ended \(Self.describe(status)) with a malformed report")
        }
        return report
    }

    private func run(
        _ arguments: [String], archive: Int32, directory: Int32
    ) throws(RuntimeError) -> (output: [UInt8], status: Int32) {
        do throws(LinuxError) {
            let (reading, writing) = try socketPair()
            let reader = Descriptor(owning: reading)
            let pid = try spawn(arguments, [(archive, 0), (writing, 1), (directory, 3)], closing: writing)
            do throws(LinuxError) {
                let output = try readAll(reader.raw, path: "the unpacking process", limit: Self.maximumReport)
                return (output, try wait(pid))
            } catch {
                kill(pid, SIGKILL)
                _ = try wait(pid)
                throw error
            }
        } catch {
            throw RuntimeError(storing: error)
        }
    }

    /// A socket pair for a pipe: it can be made close-on-exec at once, which pipe(2) cannot.
    private func socketPair() throws(LinuxError) -> (Int32, Int32) {
        var pair: [Int32] = [-1, -1]
        let type = Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue)
        try systemCall("socketpair") { socketpair(AF_UNIX, type, 0, &pair) }
        return (pair[0], pair[1])
    }

    /// Starts a process with only these descriptors and an empty environment (but for failpoints), and closes this side's `writing`.
    private func spawn(
        _ arguments: [String], _ descriptors: [(from: Int32, to: Int32)], closing writing: Int32
    ) throws(LinuxError) -> pid_t {
        defer { close(writing) }
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        // Copies above all targets, lest one dup2 replaces the source of the next.
        var copies: [Int32] = []
        defer { for copy in copies { close(copy) } }
        for (from, to) in descriptors {
            let copy = try systemCall("fcntl") { fcntl(from, F_DUPFD_CLOEXEC, 10) }
            copies.append(copy)
            posix_spawn_file_actions_adddup2(&actions, copy, to)
        }
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        setSignals(&attributes)
        var pid: pid_t = 0
        let argv = arguments.map { strdup($0) } + [nil]
        defer { for argument in argv { free(argument) } }
        let environment = failpointEnvironment(for: .helper).map { strdup($0) } + [nil]
        defer { for variable in environment { free(variable) } }
        let code = posix_spawn(&pid, executable, &actions, &attributes, argv, environment)
        guard code == 0 else { throw LinuxError("posix_spawn", path: executable, errno: code) }
        return pid
    }

    /// No signal is blocked or ignored in the child, whatever this thread has.
    private func setSignals(_ attributes: inout posix_spawnattr_t) {
        var none = sigset_t()
        sigemptyset(&none)
        posix_spawnattr_setsigmask(&attributes, &none)
        var all = sigset_t()
        sigfillset(&all)
        posix_spawnattr_setsigdefault(&attributes, &all)
        posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF))
    }

    private func wait(_ pid: pid_t) throws(LinuxError) -> Int32 {
        var status: Int32 = 0
        try systemCall("waitpid") { waitpid(pid, &status, 0) }
        return status
    }

    /// A wait status in words: see wait(2).
    private static func describe(_ status: Int32) -> String {
        let signal = status & 0x7F
        return signal == 0 ? "with status \(status >> 8 & 0xFF)" : "by signal \(signal)"
    }
}
