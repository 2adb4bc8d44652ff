import APIServer
import Glibc
import Linux
import Model

extension ProcessUsage {
    /// Looks at this process; nil where the kernel does not tell.
    static func own() -> ProcessUsage? {
        let files = (try? listDirectory("/proc/self/fd").count) ?? 0
        return ProcessUsage(
            openFiles: files, openFileLimit: Int(clamping: DescriptorLimit().soft),
            ticksPerSecond: sysconf(Int32(_SC_CLK_TCK)), pageSize: sysconf(Int32(_SC_PAGESIZE))
        ) { (try? readText($0, limit: 1 << 20)) ?? "" }
    }

    /// Takes in what `/proc/self/stat` (proc_pid_stat(5)) and the line `btime` of `/proc/stat` say.
    ///
    /// - Parameter text: the content of a file, by its path; empty when it cannot be read.
    init?(
        openFiles: Int, openFileLimit: Int, ticksPerSecond: Int, pageSize: Int, reading text: (String) -> String
    ) {
        // The name of the program may hold spaces and parentheses; the third field comes behind the last of them.
        let line = text("/proc/self/stat")
        guard let end = line.lastIndex(of: ")"), ticksPerSecond > 0 else { return nil }
        let fields = line[line.index(after: end)...].split { $0 == " " || $0 == "\n" }.map { UInt64($0) ?? 0 }
        guard fields.count > 21 else { return nil }
        func time(_ ticks: UInt64) -> UInt64 { ticks * 1_000_000_000 / UInt64(ticksPerSecond) }
        let boot = text("/proc/stat").split(separator: "\n").first { $0.hasPrefix("btime ") }
        let booted = boot.flatMap { Int64($0.dropFirst("btime ".count)) } ?? 0
        self.init(
            cpuNanoseconds: time(fields[11] + fields[12]), residentBytes: fields[21] * UInt64(pageSize),
            virtualBytes: fields[20], openFiles: openFiles, openFileLimit: openFileLimit, threads: Int(fields[17]),
            startTime: Timestamp(seconds: booted) + TimeSpan(nanoseconds: Int64(clamping: time(fields[19]))))
    }
}
