extension CgroupDriver {
    /// The `cgroup.procs` files of a cgroup in the v1 hierarchies in use; a process that writes `0` joins.
    public func legacyProcessFiles(path: String) throws(LinuxError) -> [String] {
        try directories(of: path).dropFirst(unified == nil ? 0 : 1).map { "\($0)/cgroup.procs" }
    }

    /// The `cgroup.procs` file of a cgroup in the v2 hierarchy; nil on machines without one.
    public func unifiedProcessFile(path: String) throws(LinuxError) -> String? {
        try unifiedDirectory(of: path).map { "\($0)/cgroup.procs" }
    }
}
