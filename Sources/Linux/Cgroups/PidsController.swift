/// The limit and the number of processes and threads; the same on v1 and v2.
public enum PidsController {
    /// The control files for some resources.
    public static func files(for resources: CgroupResources, version: CgroupVersion) -> [CgroupFile] {
        resources.pidsLimit.map { [CgroupFile("pids.max", "\($0)")] } ?? []
    }

    /// How often the kernel refused to make a process because of the limit.
    static func refusals(directory: String) throws(LinuxError) -> UInt64 {
        try readKeyed("\(directory)/pids.events", key: "max")
    }

    /// The limit; nil when there is none.
    static func limit(directory: String) throws(LinuxError) -> UInt64? {
        UInt64(try readWords("\(directory)/pids.max").first ?? "")
    }

    /// Processes and threads of a cgroup and those below it.
    static func current(directory: String) throws(LinuxError) -> UInt64 {
        try readCounter("\(directory)/pids.current")
    }
}
