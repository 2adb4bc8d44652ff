/// What happened to the requests of a pod, a revision or an App in some seconds.
public struct TrafficSummary: Sendable, Hashable {
    /// Requests that have ended; connections, for TCP.
    public var requests = 0
    /// Connections that changed to another protocol: 101, WebSockets.
    public var upgrades = 0
    /// Answers of 200 to 299.
    public var successes = 0
    /// Answers of 300 to 399.
    public var redirections = 0
    /// Answers of 400 to 499.
    public var clientErrors = 0
    /// Answers of 500 to 599, also those that the load balancer gave because a pod did not; for TCP, connections that failed.
    public var serverErrors = 0
    /// Requests without a status: their clients left before an answer; for TCP, connections that went well.
    public var withoutStatus = 0
    /// Further tries that were made because one failed at this pod; the request may have ended well at another.
    public var retries = 0
    /// Further tries that went from this pod to another.
    public var redispatches = 0
    /// Connections that a pod did not accept.
    public var connectErrors = 0
    /// Answers that a pod did not give, not in time, not in a form that can be read, or not to their end.
    public var responseErrors = 0
    /// Requests in flight: the sum over the seconds, of which `averageInFlight` is made.
    public var inFlightSum = 0
    /// Requests in flight in the last second; those that wait for a pod count for the App.
    public var inFlight = 0
    /// Requests that waited for a pod in the last second.
    public var queued = 0
    /// How long the answers took.
    public var latency = LatencyHistogram()

    /// Makes a summary of nothing.
    public init() {}

    /// How many requests a second there were on average.
    public func requestsPerSecond(over seconds: Int) -> Double { Double(requests) / Double(max(1, seconds)) }

    /// How many requests were in flight on average.
    public func averageInFlight(over seconds: Int) -> Double { Double(inFlightSum) / Double(max(1, seconds)) }

    /// The share of server errors, 0 to 1; nil without requests.
    public var errorRate: Double? { requests > 0 ? Double(serverErrors) / Double(requests) : nil }

    /// Adds what another summary of the same seconds says.
    public mutating func merge(_ other: TrafficSummary) {
        requests += other.requests
        upgrades += other.upgrades
        successes += other.successes
        redirections += other.redirections
        clientErrors += other.clientErrors
        serverErrors += other.serverErrors
        withoutStatus += other.withoutStatus
        retries += other.retries
        redispatches += other.redispatches
        connectErrors += other.connectErrors
        responseErrors += other.responseErrors
        inFlightSum += other.inFlightSum
        inFlight += other.inFlight
        queued += other.queued
        latency.merge(other.latency)
    }
}

/// Whose requests are counted together: those of an App's port that one pod got, or that no pod got.
public struct TrafficKey: Sendable, Hashable, Comparable {
    /// The App's namespace.
    public var namespace: String
    /// The App's name.
    public var app: String
    /// The port's name.
    public var port: String
    /// The pod's revision; empty for requests that no pod got.
    public var revision = ""
    /// The pod's name; empty for requests that no pod got.
    public var podName = ""
    /// The pod's identity; empty for requests that no pod got.
    public var podUID = ""

    /// Makes the key of requests that no pod got.
    public init(namespace: String, app: String, port: String) {
        self.namespace = namespace
        self.app = app
        self.port = port
    }

    /// By namespace, App, port, revision and pod.
    public static func < (left: TrafficKey, right: TrafficKey) -> Bool {
        (left.namespace, left.app, left.port, left.revision, left.podName, left.podUID)
            < (right.namespace, right.app, right.port, right.revision, right.podName, right.podUID)
    }
}

/// What happened to the requests of an App.
public struct AppTraffic: Sendable, Hashable {
    /// All of them, also those that no pod got.
    public var total = TrafficSummary()
    /// By revision.
    public var revisions: [String: TrafficSummary] = [:]
    /// By the pod's identity.
    public var pods: [String: TrafficSummary] = [:]

    /// Makes a summary of nothing.
    public init() {}

    /// Adds a part of the App's requests.
    public mutating func add(_ summary: TrafficSummary, of key: TrafficKey) {
        total.merge(summary)
        guard !key.podUID.isEmpty else { return }
        pods[key.podUID, default: TrafficSummary()].merge(summary)
        revisions[key.revision, default: TrafficSummary()].merge(summary)
    }
}
