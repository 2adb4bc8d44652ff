import Glibc

extension CgroupDriver {
    /// Whether a cgroup is there in any hierarchy in use.
    public func exists(path: String) -> Bool {
        guard let directories = try? directories(of: path) else { return false }
        return directories.contains(where: fileExists)
    }

    /// The names of the cgroups directly below a cgroup in any hierarchy in use, sorted; none where it is missing.
    public func children(path: String) throws(LinuxError) -> [String] {
        var names: Set<String> = []
        for directory in try directories(of: path) { names.formUnion(try Self.childNames(directory)) }
        return names.sorted()
    }

    /// What a cgroup used. What the machine has no controller for is 0, except that processes are then counted.
    ///
    /// - Throws: `ENOENT` when the cgroup is missing.
    public func usage(path: String) throws(LinuxError) -> CgroupUsage {
        var usage = CgroupUsage(cpuNanoseconds: 0, memoryBytes: 0, pids: 0)
        if let directory = try unifiedDirectory(of: path) {
            usage.cpuNanoseconds = try CPUController.usage(directory: directory, version: .v2)
        } else if let (directory, version) = try directory(of: path, for: .cpuacct) {
            usage.cpuNanoseconds = try CPUController.usage(directory: directory, version: version)
        }
        if let (directory, version) = try directory(of: path, for: .memory) {
            usage.memoryBytes = try MemoryController.workingSet(directory: directory, version: version)
        }
        if let (directory, _) = try directory(of: path, for: .pids) {
            usage.pids = try PidsController.current(directory: directory)
        } else {
            usage.pids = UInt64(try processes(path: path).count)
        }
        return usage
    }

    /// Which limits the processes of a cgroup ran into; nil for none. What the machine has no controller for is never short.
    ///
    /// - Throws: `ENOENT` when the cgroup is missing.
    public func pressure(path: String) throws(LinuxError) -> CgroupPressure? {
        var pressure = CgroupPressure()
        pressure.memoryKills = try oomKillCount(path: path)
        if pressure.memoryKills > 0, let (directory, version) = try directory(of: path, for: .memory) {
            pressure.memoryPeakBytes = (try? MemoryController.peak(directory: directory, version: version)) ?? 0
        }
        if let (directory, version) = try directory(of: path, for: .pids) {
            pressure.refusedProcesses = try PidsController.refusals(directory: directory)
            guard pressure.refusedProcesses > 0 else { return pressure.memoryKills > 0 ? pressure : nil }
            pressure.processLimit = try PidsController.limit(directory: directory)
            pressure.processes = try PidsController.current(directory: directory)
            // What has ended is charged until it is reaped, and listed no more.
            let listed = try readWords("\(directory)/\(version == .v1 ? "tasks" : "cgroup.threads")").count
            pressure.zombies = pressure.processes - min(pressure.processes, UInt64(listed))
        }
        return pressure == CgroupPressure() ? nil : pressure
    }

    /// How many processes of a cgroup the kernel killed for want of memory.
    ///
    /// - Throws: `ENOENT` when the cgroup is missing.
    public func oomKillCount(path: String) throws(LinuxError) -> UInt64 {
        guard let counter = try oomCountFile(path: path) else { return 0 }
        return try readKeyed(counter.path, key: counter.key)
    }

    /// The file that counts the processes killed for want of memory, and the key of its line `KEY COUNT`; nil where the
    /// machine has no memory controller.
    public func oomCountFile(path: String) throws(LinuxError) -> (path: String, key: String)? {
        guard let (directory, version) = try directory(of: path, for: .memory) else { return nil }
        let (file, key) = MemoryController.killCounter(version: version)
        return ("\(directory)/\(file)", key)
    }
}
