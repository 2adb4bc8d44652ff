import CCap
import CLinux
import Failpoints
import Glibc
import Linux
import Model

/// The entry point of the process that unpacks archives: `martlet internal-unpack JOB PARENT BYTES ENTRIES RATIO FLOOR`, the
/// archive as standard input, the directory as descriptor 3, and one line of JSON on standard output.
///
/// Whatever an archive makes of the code that reads it, the process has the directory as its root, no descriptor
/// to anything else, and no capability beyond making files.
public enum LayerUnpackHelper {
    /// Does the work and returns the exit status: 0 with a report, 1 with an error.
    ///
    /// - Parameter arguments: The arguments behind `internal-unpack`.
    public static func run(arguments: [String]) -> Int32 {
        failpoint(.unpackBegun)
        let (line, status) = result(arguments)
        do throws(LinuxError) {
            try writeAll(STDOUT_FILENO, line.serialized() + [UInt8(ascii: "\n")], path: "standard output")
        } catch {
            return 1
        }
        failpoint(.unpackReported)
        return status
    }

    private static func result(_ arguments: [String]) -> (JSONValue, Int32) {
        do throws(RuntimeError) {
            let (job, parent, limits) = try parse(arguments)
            try Confinement(directory: 3, parent: parent, limits: limits).enter()
            failpoint(.unpackConfined)
            return (try Unpacking(job: job, archive: STDIN_FILENO, directory: 3, limits: limits).run().json, 0)
        } catch {
            return (["code": .string(error.code.rawValue), "error": .string(error.message)], 1)
        }
    }

    private static func parse(_ arguments: [String]) throws(RuntimeError) -> (UnpackJob, pid_t, UnpackLimits) {
        let numbers = arguments.dropFirst().compactMap { Int64($0) }
        guard let job = arguments.first.flatMap(UnpackJob.init(rawValue:)), arguments.count == 6, numbers.count == 5
        else {
            throw RuntimeError(.invalid, "internal-unpack is for the image store's own use")
        }
        var limits = UnpackLimits()
        limits.maximumBytes = numbers[1]
        limits.maximumEntries = numbers[2]
        limits.maximumRatio = numbers[3]
        limits.ratioFloor = numbers[4]
        return (job, pid_t(truncatingIfNeeded: numbers[0]), limits)
    }

    static func arguments(_ job: UnpackJob, limits: UnpackLimits) -> [String] {
        [
            job.rawValue, "\(getpid())", "\(limits.maximumBytes)", "\(limits.maximumEntries)",
            "\(limits.maximumRatio)", "\(limits.ratioFloor)",
        ]
    }
}

/// What is taken from the helper before it reads the first byte of an archive.
private struct Confinement {
    let directory: Int32
    let parent: pid_t
    let limits: UnpackLimits

    /// What making a file with any owner, mode, type and capability takes. CAP_SYS_ADMIN, for `trusted.*`, is not in it.
    static let capabilities: [cap_value_t] = [
        CAP_CHOWN, CAP_DAC_OVERRIDE, CAP_FOWNER, CAP_FSETID, CAP_MKNOD, CAP_SETFCAP,
    ]

    func enter() throws(RuntimeError) {
        try storing { () throws(LinuxError) in
            try systemCall("prctl") { unpack_die_with_parent() }
            // The parent may have died before it was watched.
            guard getppid() == parent else { throw LinuxError("getppid", errno: ESRCH) }
            closefrom(directory + 1)
            try systemCall("fchdir") { fchdir(directory) }
            try systemCall("chroot") { chroot(".") }
            signal(SIGXFSZ, SIG_IGN)
            umask(0)
            try limitResources()
            try dropCapabilities()
            try systemCall("prctl") { unpack_no_new_privileges() }
        }
    }

    private func limitResources() throws(LinuxError) {
        try lower(RLIMIT_CORE, to: 0)
        try lower(RLIMIT_NOFILE, to: 1024)
        try lower(RLIMIT_FSIZE, to: rlim_t(max(0, limits.maximumBytes)))
        // zstd's largest window that libarchive accepts is 128 MiB; names and paths of a million entries fit too.
        try lower(RLIMIT_AS, to: 2 << 30)
    }

    private func lower(_ resource: __rlimit_resource, to most: rlim_t) throws(LinuxError) {
        var current = rlimit()
        try systemCall("getrlimit") { getrlimit(__rlimit_resource_t(resource.rawValue), &current) }
        var wanted = rlimit(rlim_cur: min(most, current.rlim_max), rlim_max: min(most, current.rlim_max))
        try systemCall("setrlimit") { setrlimit(__rlimit_resource_t(resource.rawValue), &wanted) }
    }

    private func dropCapabilities() throws(LinuxError) {
        // The bounding set first: dropping from it takes CAP_SETPCAP. Numbers beyond the kernel's last one fail.
        for capability in cap_value_t(0)..<64 where !Self.capabilities.contains(capability) {
            if cap_get_bound(capability) == 1 { try systemCall("cap_drop_bound") { cap_drop_bound(capability) } }
        }
        cap_reset_ambient()
        guard let set = cap_init() else { throw LinuxError.last("cap_init") }
        defer { cap_free(UnsafeMutableRawPointer(set)) }
        let count = Int32(Self.capabilities.count)
        for flag in [CAP_PERMITTED, CAP_EFFECTIVE] {
            try systemCall("cap_set_flag") { cap_set_flag(set, flag, count, Self.capabilities, CAP_SET) }
        }
        try systemCall("cap_set_proc") { cap_set_proc(set) }
    }
}
