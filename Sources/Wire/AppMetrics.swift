public import Model

/// What happened to an App's requests and what its pods used, over a while (`metrics.martlet.dev/v1`).
public struct AppMetrics: Codable, Hashable, Sendable, Buildable {
    /// `AppMetrics`.
    public var kind = "AppMetrics"
    /// The group and its version.
    public var apiVersion = "\(Discovery.appMetricsGroup)/\(Discovery.appMetricsVersion)"
    /// The App's name, namespace and labels.
    public var metadata = ObjectMeta()
    /// The window's end.
    public var timestamp = ""
    /// The window's length.
    public var window = ""
    /// All of the App.
    public var total = Part()
    /// By revision.
    public var revisions: [Part] = []
    /// By pod.
    public var pods: [Part] = []

    /// Makes metrics of nothing.
    public init() {}

    /// The App, or a part of it.
    public struct Part: Codable, Hashable, Sendable, Buildable {
        /// The name of the App, the revision or the pod.
        public var name = ""
        /// The revision of a pod.
        public var revision: String?
        /// How many pods there are that are not stopping.
        public var pods = 0
        /// How many of them are ready.
        public var readyPods = 0
        /// What happened to the requests.
        public var requests = RequestFigures()
        /// Processors that the pods used on average over the last seconds, as a quantity; absent while that is not known.
        public var cpu: String?
        /// The pods' memory, as a quantity; absent while that is not known.
        public var memory: String?

        /// Makes a part of nothing.
        public init() {}
    }
}

/// What happened to requests in a window, in figures.
public struct RequestFigures: Codable, Hashable, Sendable {
    /// Requests that have ended; connections, for TCP.
    public var count = 0
    /// The same for each second.
    public var perSecond = 0.0
    /// Answers of 200 to 299.
    public var successes = 0
    /// Answers of 300 to 399.
    public var redirections = 0
    /// Answers of 400 to 499.
    public var clientErrors = 0
    /// Answers of 500 to 599, also those that the load balancer gave because a pod did not.
    public var serverErrors = 0
    /// Connections that changed to another protocol.
    public var upgrades = 0
    /// Requests without a status.
    public var withoutStatus = 0
    /// Further tries that were made because one failed here.
    public var retries = 0
    /// Further tries that went to another pod.
    public var redispatches = 0
    /// Connections that pods did not accept.
    public var connectErrors = 0
    /// Answers that pods did not give, or not whole or in time.
    public var responseErrors = 0
    /// Requests in flight in the last second.
    public var inFlight = 0
    /// Requests in flight on average.
    public var averageInFlight = 0.0
    /// Requests that waited for a pod in the last second.
    public var queued = 0
    /// How long answers took; absent without any.
    public var latency: Latency?

    /// How many milliseconds half, 95 % and 99 % of the answers took at most.
    public struct Latency: Codable, Hashable, Sendable {
        /// Half of them.
        public var p50Milliseconds: Int
        /// 95 of 100.
        public var p95Milliseconds: Int
        /// 99 of 100.
        public var p99Milliseconds: Int
    }

    /// Makes figures of nothing.
    public init() {}

    /// The figures of a summary of some seconds.
    public init(_ summary: TrafficSummary, seconds: Int) {
        count = summary.requests
        perSecond = Self.rounded(summary.requestsPerSecond(over: seconds))
        (successes, redirections) = (summary.successes, summary.redirections)
        (clientErrors, serverErrors) = (summary.clientErrors, summary.serverErrors)
        (upgrades, withoutStatus) = (summary.upgrades, summary.withoutStatus)
        (retries, redispatches) = (summary.retries, summary.redispatches)
        (connectErrors, responseErrors) = (summary.connectErrors, summary.responseErrors)
        (inFlight, queued) = (summary.inFlight, summary.queued)
        averageInFlight = Self.rounded(summary.averageInFlight(over: seconds))
        guard let p50 = summary.latency.p50, let p95 = summary.latency.p95, let p99 = summary.latency.p99 else {
            return
        }
        latency = Latency(p50Milliseconds: p50, p95Milliseconds: p95, p99Milliseconds: p99)
    }

    /// A number as a document shows it: to thousandths.
    private static func rounded(_ value: Double) -> Double { (value * 1000).rounded() / 1000 }
}
