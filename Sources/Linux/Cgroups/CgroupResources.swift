/// What a cgroup may use. What is nil is not written: a new cgroup then has the kernel's default, no limit.
public struct CgroupResources: Sendable, Hashable {
    /// The share among cgroups that compete for the processors, as thousandths of a processor asked for.
    public var cpuWeightMillicores: Int64?
    /// Thousandths of a processor that may be used in each period of 100 ms.
    public var cpuLimitMillicores: Int64?
    /// Bytes of memory, page cache included; beyond it the kernel kills. No swap on top.
    public var memoryLimitBytes: Int64?
    /// Processes and threads.
    public var pidsLimit: Int64?
    /// The device nodes that may be used, all others being refused; nil refuses none.
    public var devices: [CgroupDeviceRule]?

    /// Makes resources without any limit.
    public init(
        cpuWeightMillicores: Int64? = nil, cpuLimitMillicores: Int64? = nil, memoryLimitBytes: Int64? = nil,
        pidsLimit: Int64? = nil, devices: [CgroupDeviceRule]? = nil
    ) {
        self.cpuWeightMillicores = cpuWeightMillicores
        self.cpuLimitMillicores = cpuLimitMillicores
        self.memoryLimitBytes = memoryLimitBytes
        self.pidsLimit = pidsLimit
        self.devices = devices
    }
}

/// What the processes of a cgroup, and of those below it, used.
public struct CgroupUsage: Sendable, Hashable {
    /// Processor time since the cgroup was made, in nanoseconds.
    public var cpuNanoseconds: UInt64
    /// The working set in bytes: memory now without file pages that were not used lately.
    public var memoryBytes: UInt64
    /// Processes and threads now.
    public var pids: UInt64

    /// Makes a reading.
    public init(cpuNanoseconds: UInt64, memoryBytes: UInt64, pids: UInt64) {
        self.cpuNanoseconds = cpuNanoseconds
        self.memoryBytes = memoryBytes
        self.pids = pids
    }
}

/// Which limits the processes of a cgroup ran into.
public struct CgroupPressure: Sendable, Hashable {
    /// How often a process could not be made because there were as many as there may be.
    public var refusedProcesses: UInt64 = 0
    /// How many processes and threads there may be; nil for no limit.
    public var processLimit: UInt64?
    /// Processes and threads now, those included that have ended and were not reaped.
    public var processes: UInt64 = 0
    /// Those of them that have ended and that their parent does not reap.
    public var zombies: UInt64 = 0
    /// How many processes the kernel killed for want of memory.
    public var memoryKills: UInt64 = 0
    /// The most memory that was used at a time, in bytes; 0 where the kernel does not say.
    public var memoryPeakBytes: UInt64 = 0

    /// Makes a reading without any pressure.
    public init() {}
}

/// Which generation of the kernel's cgroup interface a controller is on; on a hybrid machine, both are in use.
public enum CgroupVersion: Sendable, Hashable {
    /// A hierarchy a controller: Documentation/admin-guide/cgroup-v1.
    case v1
    /// The unified hierarchy: Documentation/admin-guide/cgroup-v2.rst.
    case v2
}

/// The controllers that Martlet uses, by the kernel's names.
public enum CgroupController: String, Sendable, Hashable, CaseIterable {
    /// Weight and quota of processor time.
    case cpu
    /// Processor time used, on v1.
    case cpuacct
    /// The memory limit.
    case memory
    /// The limit of processes.
    case pids
    /// Which devices may be used, on v1.
    case devices
    /// Stopping all processes at once, on v1.
    case freezer
}

/// A value for a control file of a cgroup.
public struct CgroupFile: Sendable, Hashable {
    /// The file's name in the cgroup's directory.
    public var name: String
    /// What is written to it.
    public var value: String
    /// Whether kernels exist that lack the file and are fine without it.
    public var isOptional: Bool

    /// Makes a value.
    public init(_ name: String, _ value: String, isOptional: Bool = false) {
        self.name = name
        self.value = value
        self.isOptional = isOptional
    }
}
