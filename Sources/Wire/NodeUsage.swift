public import Model

/// What a node and the containers on it used over a while.
public struct NodeUsage: Sendable, Hashable {
    /// Processor time and memory.
    public struct Amount: Sendable, Hashable {
        /// Processors in use on average over the window, in billionths of one.
        public var cpuNanocores: UInt64
        /// Memory at the window's end, in bytes, without pages that could be dropped.
        public var memoryBytes: UInt64
        /// Processor time since the machine's start, or since the pod's over its container's restarts, in nanoseconds.
        public var cpuNanoseconds: UInt64

        /// Makes an amount.
        public init(cpuNanocores: UInt64, memoryBytes: UInt64, cpuNanoseconds: UInt64 = 0) {
            self.cpuNanocores = cpuNanocores
            self.memoryBytes = memoryBytes
            self.cpuNanoseconds = cpuNanoseconds
        }
    }

    /// The window's end.
    public var time: Timestamp
    /// The window's length.
    public var window: TimeSpan
    /// The machine as a whole, with what is not Martlet's.
    public var node: Amount
    /// The running containers, by the identity of their pod and by name.
    public var pods: [String: [String: Amount]]

    /// Makes a report.
    public init(time: Timestamp, window: TimeSpan, node: Amount, pods: [String: [String: Amount]]) {
        self.time = time
        self.window = window
        self.node = node
        self.pods = pods
    }
}
