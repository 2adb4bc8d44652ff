public import Model

/// What the server knows of the process that it is part of.
public struct ServerProcess: Sendable {
    /// The program's version.
    public var version: String
    /// What the process uses; nil where that is not known.
    public var usage: @Sendable () -> ProcessUsage?

    /// Describes a process.
    public init(version: String = "unknown", usage: @escaping @Sendable () -> ProcessUsage? = { nil }) {
        self.version = version
        self.usage = usage
    }
}

/// What a process uses.
public struct ProcessUsage: Sendable, Hashable {
    /// Processor time since its start.
    public var cpuNanoseconds: UInt64
    /// Memory that is in use.
    public var residentBytes: UInt64
    /// Addresses that are reserved.
    public var virtualBytes: UInt64
    /// Files and sockets that are open.
    public var openFiles: Int
    /// How many may be open.
    public var openFileLimit: Int
    /// Its threads.
    public var threads: Int
    /// When it began.
    public var startTime: Timestamp

    /// Makes a report.
    public init(
        cpuNanoseconds: UInt64, residentBytes: UInt64, virtualBytes: UInt64, openFiles: Int, openFileLimit: Int,
        threads: Int, startTime: Timestamp
    ) {
        self.cpuNanoseconds = cpuNanoseconds
        self.residentBytes = residentBytes
        self.virtualBytes = virtualBytes
        self.openFiles = openFiles
        self.openFileLimit = openFileLimit
        self.threads = threads
        self.startTime = startTime
    }
}
