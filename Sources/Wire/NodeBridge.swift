public import Model

/// Which part of a container's log is wanted (`pods/NAME/log`).
public struct PodLogRequest: Sendable, Hashable {
    /// The pod's identity.
    public var podUID: String
    /// The container's name.
    public var container: String
    /// Whether to go on with lines as they are written.
    public var follow = false
    /// Whether the log of the attempt before the last restart is wanted.
    public var previous = false
    /// Whether each line starts with the time at which it was written.
    public var timestamps = false
    /// How many lines from the end; all when nil.
    public var tailLines: Int?
    /// Lines written at or after this moment only, in nanoseconds since the Unix epoch.
    public var since: Int64?
    /// After how many bytes to stop.
    public var limitBytes: Int?

    /// Asks for the whole log.
    public init(podUID: String, container: String) {
        self.podUID = podUID
        self.container = container
    }
}

/// Takes a log as it is read.
public protocol PodLogSink: AnyObject, Sendable {
    /// Takes some lines; false when nobody listens any more.
    func write(_ bytes: [UInt8]) -> Bool
    /// Whether somebody still listens; a follower asks now and then.
    var isOpen: Bool { get }
}

/// What to start in a container (`pods/NAME/exec`).
public struct PodExecRequest: Sendable, Hashable {
    /// The pod's identity.
    public var podUID: String
    /// The container's name.
    public var container: String
    /// The program and its arguments.
    public var command: [String]
    /// Whether standard input is connected.
    public var stdin = false
    /// Whether a terminal is wanted; then standard error is part of standard output.
    public var terminal = false

    /// Asks for a command.
    public init(podUID: String, container: String, command: [String]) {
        self.podUID = podUID
        self.container = container
        self.command = command
    }
}

/// What a client of `exec` sends.
public enum PodExecInput: Sendable, Equatable {
    case stdin([UInt8])
    case endOfStdin
    case resize(rows: UInt16, columns: UInt16)
}

/// The client's side of an `exec`. `receive` is called from one thread, the others from another.
public protocol PodExecChannel: AnyObject, Sendable {
    /// Waits for what the client sends next; nil when it has gone.
    func receive() -> PodExecInput?
    /// Sends output; false when the client has gone.
    func send(stdout bytes: [UInt8]) -> Bool
    /// Sends error output; false when the client has gone.
    func send(stderr bytes: [UInt8]) -> Bool
}

/// Why a node could not do what was asked of one of its pods.
public struct NodeBridgeError: Error, Sendable, Equatable {
    /// The HTTP status that says so: 400, 404, 409 or 500.
    public var status: Int
    /// What is wrong, in a sentence without a full stop.
    public var message: String

    /// Makes an error.
    public init(status: Int, message: String) {
        self.status = status
        self.message = message
    }
}

/// What the API server asks of the node that a pod runs on. Every method blocks its thread until it is done.
public protocol NodeBridge: AnyObject, Sendable {
    /// Reads a container's log into a sink; with `follow`, until the container ends or nobody listens.
    func streamLog(_ request: PodLogRequest, to sink: any PodLogSink) throws(NodeBridgeError)
    /// What the node and its containers used over the last seconds; nil while that is not known.
    func usage() -> NodeUsage?
    /// What happened to the requests of every App that the node carried in the last seconds, at most 900; also of Apps and pods that
    /// had none. Empty where nothing carries requests.
    func traffic(seconds: Int) -> [TrafficKey: TrafficSummary]
    /// The same since the node began to count: numbers that only grow.
    func trafficTotals() -> [TrafficKey: TrafficTotal]
    /// Runs a command in a container and returns its exit code.
    ///
    /// - Parameter started: called once the command runs, before anything is sent to the channel; it returns the channel.
    func exec(
        _ request: PodExecRequest, started: () -> (any PodExecChannel)?
    ) throws(NodeBridgeError) -> Int
}
