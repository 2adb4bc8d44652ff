extension CgroupDriver {
    /// The file of a v1 cgroup to which a process with one thread writes `0` to join.
    ///
    /// Not `cgroup.procs`, which does the same: a thread that moves itself alone needs no lock against others that fork and
    /// exit, and so does not wait for a grace period of the kernel, some 10 ms in which nobody else can change a cgroup
    /// either (kernel/cgroup/cgroup.c, `cgroup_procs_write_start`; since Linux 5.4).
    static let legacyJoinFile = "tasks"

    /// The files of a cgroup in the v1 hierarchies in use to which a process with one thread writes `0` to join.
    public func legacyJoinFiles(path: String) throws(LinuxError) -> [String] {
        try directories(of: path).dropFirst(unified == nil ? 0 : 1).map { "\($0)/\(Self.legacyJoinFile)" }
    }

    /// The `cgroup.procs` file of a cgroup in the v2 hierarchy; nil on machines without one.
    public func unifiedProcessFile(path: String) throws(LinuxError) -> String? {
        try unifiedDirectory(of: path).map { "\($0)/cgroup.procs" }
    }
}
