/// The limit and the number of processes and threads; the same on v1 and v2.
public enum PidsController {
    /// The control files for some resources.
    public static func files(for resources: CgroupResources, version: CgroupVersion) -> [CgroupFile] {
        resources.pidsLimit.map { [CgroupFile("pids.max", "\($0)")] } ?? []
    }

    /// Processes and threads of a cgroup and those below it.
    static func current(directory: String) throws(LinuxError) -> UInt64 {
        try readCounter("\(directory)/pids.current")
    }
}
