import CLinux
import Glibc
import Linux
import Threads

/// Starts by the peer: `PEER run` of a bundle with the same program, limits, capabilities and filter.
///
/// The peer refuses machines that have both kinds of cgroups. It is started by a thread with a mount namespace of its
/// own, in which the v2 hierarchy is hidden; everything else of the machine is as it is.
final class PeerLaunch: Sendable {
    let name: String
    private let program: String
    private let bundle: String
    private let null: Int32
    private let results = Monitor<Result<[Int64], LinuxError>?>(nil)

    init(directory: String, program: String) throws {
        self.program = program
        name = program.split(separator: "/").last.map(String.init) ?? program
        bundle = "\(directory)/bundle"
        let template = "\(parentDirectory(of: #filePath))/bundle.json"
        try writeFile("\(bundle)/config.json", create: readText(template))
        null = try Descriptor(opening: "/dev/null", flags: O_RDWR).release()
    }

    func cleanUp() { close(null) }

    /// Nanoseconds that each of some starts took, from making the peer's process to its end.
    func run(_ starts: Int, idle: UInt32) throws -> [Int64] {
        let thread = try Thread {
            let result = Result { () throws(LinuxError) in try self.runHidden(starts, idle: idle) }
            self.results.change { $0 = result }
        }
        thread.join()
        return try results.change { $0 }?.get() ?? []
    }

    private func runHidden(_ starts: Int, idle: UInt32) throws(LinuxError) -> [Int64] {
        try systemCall("unshare") { linux_unshare(linux_clone_newns) }
        try systemCall("mount", path: "/") { mount(nil, "/", nil, UInt(MS_REC) | UInt(MS_PRIVATE), nil) }
        if let unified = try CgroupDriver.detect().unified {
            try systemCall("mount", path: unified) { mount("tmpfs", unified, "tmpfs", 0, nil) }
        }
        var times: [Int64] = []
        for index in 0..<starts {
            usleep(idle)
            times.append(try run("bench-\(getpid())-\(index)"))
        }
        return times
    }

    private func run(_ container: String) throws(LinuxError) -> Int64 {
        var launch = Launch(steps: [
            .streams(user: 0),
            .execute(
                candidates: [program], arguments: [program, "run", "--bundle", bundle, container],
                environment: ["PATH=/usr/sbin:/usr/bin:/sbin:/bin"]),
        ])
        launch.streams = (null, null, STDERR_FILENO)
        let start = monotonic()
        let process: StartedProcess
        do {
            process = try launch.start()
        } catch {
            throw LinuxError("start", path: program, errno: error.errno)
        }
        defer { close(process.pidfd) }
        _ = awaitReadable(process.pidfd, milliseconds: 60_000)
        let end = monotonic()
        guard try reapChild(pidfd: process.pidfd)?.exitCode == 0 else {
            throw LinuxError("run", path: program, errno: ENOEXEC, detail: "the peer could not start the container")
        }
        return end - start
    }
}
