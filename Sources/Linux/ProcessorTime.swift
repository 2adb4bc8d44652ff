import Glibc

/// How long the machine's processors have worked since its start (proc_stat(5), the line `cpu`).
public struct ProcessorTime: Sendable, Hashable {
    /// Everything but idling and waiting for disks, in nanoseconds.
    public var nanoseconds: UInt64

    /// Looks at this machine; 0 where the kernel does not tell.
    public init() {
        self.init((try? readText("/proc/stat", limit: 1 << 20)) ?? "", ticksPerSecond: sysconf(Int32(_SC_CLK_TCK)))
    }

    /// Takes in what `/proc/stat` says. Guests' time is in `user` and `nice` already.
    init(_ text: String, ticksPerSecond: Int) {
        let line = text.split(separator: "\n").first { $0.hasPrefix("cpu ") } ?? ""
        let fields = line.split(separator: " ").dropFirst().prefix(8).map { UInt64($0) ?? 0 }
        let ticks = fields.enumerated().filter { $0.offset != 3 && $0.offset != 4 }.map(\.element).reduce(0, +)
        nanoseconds = ticks * 1_000_000_000 / UInt64(max(1, ticksPerSecond))
    }
}
