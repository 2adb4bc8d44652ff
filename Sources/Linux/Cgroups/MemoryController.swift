/// The memory limit, the working set, and what the kernel killed for memory.
public enum MemoryController {
    /// The control files for some resources.
    ///
    /// On v2 the limit holds without swap, and the kernel kills all processes of the cgroup together, so that no
    /// container is left half alive. On v1 swap is bounded by giving memory with swap the same limit, where swap is
    /// accounted.
    public static func files(for resources: CgroupResources, version: CgroupVersion) -> [CgroupFile] {
        guard let limit = resources.memoryLimitBytes else { return [] }
        switch version {
        case .v1:
            return [
                CgroupFile("memory.limit_in_bytes", "\(limit)"),
                CgroupFile("memory.memsw.limit_in_bytes", "\(limit)", isOptional: true),
            ]
        case .v2:
            return [
                CgroupFile("memory.max", "\(limit)"),
                CgroupFile("memory.swap.max", "0", isOptional: true),
                CgroupFile("memory.oom.group", "1", isOptional: true),
            ]
        }
    }

    /// The working set of a cgroup: what it uses less the inactive file pages, which the kernel takes back first.
    static func workingSet(directory: String, version: CgroupVersion) throws(LinuxError) -> UInt64 {
        let current = version == .v1 ? "memory.usage_in_bytes" : "memory.current"
        let inactive = version == .v1 ? "total_inactive_file" : "inactive_file"
        let used = try readCounter("\(directory)/\(current)")
        let reclaimable = try readKeyed("\(directory)/memory.stat", key: inactive)
        return used - min(used, reclaimable)
    }

    /// The most memory that was used at a time, in bytes; on v2 since Linux 5.19.
    static func peak(directory: String, version: CgroupVersion) throws(LinuxError) -> UInt64 {
        try readCounter("\(directory)/\(version == .v1 ? "memory.max_usage_in_bytes" : "memory.peak")")
    }

    /// The file, and the key in it, that counts the processes killed for want of memory. On v2 those below count too.
    static func killCounter(version: CgroupVersion) -> (file: String, key: String) {
        (version == .v1 ? "memory.oom_control" : "memory.events", "oom_kill")
    }
}
