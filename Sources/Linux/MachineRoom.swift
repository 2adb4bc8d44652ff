/// How much is left of what all programs of the machine share. What the kernel does not tell is 0.
public struct MachineRoom: Sendable, Hashable {
    /// Memory in bytes that programs can still be given without any of them being killed (proc_meminfo(5), `MemAvailable`).
    public var availableMemory: Int64
    /// All memory in bytes.
    public var memory: Int64
    /// Processes and threads: behind the slash of the fourth field of proc_loadavg(5).
    public var processes: Int64
    /// How many there may be: the lesser of `pid_max` and `threads-max` (proc_sys_kernel(5)).
    public var processLimit: Int64
    /// Open files of all programs together (proc_sys_fs(5), `file-nr`).
    public var openFiles: Int64
    /// How many there may be.
    public var openFileLimit: Int64

    /// Looks at this machine.
    public init() { self.init { (try? readText($0, limit: 16 << 10)) ?? "" } }

    /// Takes in what files of the machine say.
    ///
    /// - Parameter text: The content of a file, by its path; empty when it cannot be read.
    public init(reading text: (String) -> String) {
        let meminfo = text("/proc/meminfo")
        availableMemory = Self.kibibytes("MemAvailable:", in: meminfo)
        memory = Self.kibibytes("MemTotal:", in: meminfo)
        let load = Self.words(text("/proc/loadavg"))
        processes = load.count > 3 ? load[3].split(separator: "/").last.flatMap { Int64($0) } ?? 0 : 0
        let limits = ["pid_max", "threads-max"].compactMap { Self.number(text("/proc/sys/kernel/\($0)"), at: 0) }
        processLimit = limits.min() ?? 0
        let files = text("/proc/sys/fs/file-nr")
        (openFiles, openFileLimit) = (Self.number(files, at: 0) ?? 0, Self.number(files, at: 2) ?? 0)
    }

    private static func kibibytes(_ name: String, in text: String) -> Int64 {
        let line = text.split(separator: "\n").first { $0.hasPrefix(name) } ?? ""
        return (number(String(line), at: 1) ?? 0) << 10
    }

    private static func number(_ text: String, at index: Int) -> Int64? {
        let words = words(text)
        return index < words.count ? Int64(words[index]) : nil
    }

    private static func words(_ text: String) -> [Substring] {
        text.split { $0 == " " || $0 == "\t" || $0 == "\n" }
    }
}
