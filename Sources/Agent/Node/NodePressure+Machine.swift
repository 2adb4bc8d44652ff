import Glibc
import Linux

extension NodePressure {
    /// Looks at this machine.
    init(path: String) {
        var limit = rlimit()
        getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
        self.init(
            path: path, room: try? FileSystemRoom(path: path), processes: Self.threadCount,
            processLimit: Self.number("/proc/sys/kernel/pid_max"),
            descriptors: Int64((try? listDirectory("/proc/self/fd").count) ?? 0),
            descriptorLimit: Int64(clamping: limit.rlim_cur))
    }

    /// Processes and threads of the machine: behind the slash of the fourth field (proc_loadavg(5)).
    private static var threadCount: Int64 {
        let fields = ((try? readText("/proc/loadavg", limit: 256)) ?? "").split(separator: " ")
        guard fields.count > 3 else { return 0 }
        return fields[3].split(separator: "/").last.flatMap { Int64($0) } ?? 0
    }

    private static func number(_ path: String) -> Int64 {
        let text = (try? readText(path, limit: 64)) ?? ""
        return Int64(text.prefix { $0.isNumber }) ?? 0
    }
}
