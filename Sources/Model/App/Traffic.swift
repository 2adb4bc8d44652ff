/// How a service is reached from outside: requests for a host and a path lead to a port of the App.
public struct RouteSpec: Codable, Hashable, Sendable, Buildable {
    /// The host name; `*.example.com` stands for every name with one more label, absent for every host.
    public var host: String?
    /// The start of the paths, by whole segments: `/a` leads `/a` and `/a/b` here, and not `/ab`.
    public var path: String?
    /// The port of the App, its first when absent.
    public var port: PortReference?
    /// Encryption between clients and the node; plain HTTP when absent.
    public var tls: RouteTLS?

    /// Makes a route of everything to the first port.
    public init() {}
}

/// How a route is encrypted.
public struct RouteTLS: Codable, Hashable, Sendable, Buildable {
    /// A Secret of the App's namespace with `tls.crt` and `tls.key`; a self-signed certificate when absent.
    public var secret: String?
    /// Whether plain HTTP requests are sent to HTTPS.
    public var redirect: Bool?

    /// Makes an encryption with a self-signed certificate.
    public init() {}
}

/// How requests are spread over an App's pods, and what becomes of those that fail.
public struct TrafficSpec: Codable, Hashable, Sendable, Buildable {
    /// `RoundRobin`, `LeastConnections`, `SourceHash` or `Random`.
    public var balance: String?
    /// How long an answer may take.
    public var timeout: TimeSpan?
    /// When another pod is tried.
    public var retries: RetrySpec?
    /// When a pod is left out.
    public var circuitBreaker: CircuitBreakerSpec?
    /// How many requests are let through.
    public var rateLimit: RateLimitSpec?
    /// How many requests a pod gets at once; no limit when absent.
    public var maxConnections: Int?
    /// How many requests may wait for a pod that has reached `maxConnections`; those beyond get 503.
    public var maxQueue: Int?
    /// How long a request may wait so; then it gets 503.
    public var queueTimeout: TimeSpan?
    /// Whether users stay on the pod that they were on.
    public var sticky: StickySpec?
    /// How long WebSockets of a pod that is to stop may go on.
    public var webSocketDrain: TimeSpan?

    /// Makes an empty spec.
    public init() {}

    /// What applies to an App that says nothing of traffic: the schema's defaults.
    public static let standard: TrafficSpec = {
        let document = Defaults.filled(.object(JSONObject()), TrafficSchema.traffic)
        return (try? TrafficSpec(json: document)) ?? TrafficSpec()
    }()
}

/// When another pod is tried.
public struct RetrySpec: Codable, Hashable, Sendable, Buildable {
    /// How many further tries.
    public var attempts: Int?
    /// What is tried again: `ConnectFailure`, `EmptyResponse`, `ResponseTimeout`, or a status such as `503`.
    public var on: [String] = []

    /// Makes an empty spec.
    public init() {}
}

/// When a pod is left out: any of the two conditions ejects it.
public struct CircuitBreakerSpec: Codable, Hashable, Sendable, Buildable {
    /// After how many errors in a row. An error is a failed connection, no valid answer, or a status of 500 to 599 other than
    /// 501 and 505.
    public var consecutiveErrors: Int?
    /// Beyond which share of errors.
    public var errorRate: ErrorRateSpec?
    /// How long the pod is left out, before some requests try it again; doubles with each time in a row.
    public var ejectFor: TimeSpan?
    /// How many pods of the App, or what share of them, may be left out at once.
    public var maxEjected: IntOrPercent?

    /// Makes an empty spec.
    public init() {}
}

/// Beyond which share of errors a pod is left out.
public struct ErrorRateSpec: Codable, Hashable, Sendable, Buildable {
    /// The largest share of errors that is put up with, such as `50%`.
    public var max = ""
    /// The time over which is counted.
    public var window: TimeSpan?
    /// How many requests there must be in it.
    public var minRequests: Int?

    /// Makes an empty spec.
    public init() {}

    /// `max` as a share from 0 to 1.
    public var share: Double { Double(Syntax.percentage(max) ?? 100) / 100 }
}

/// How many requests are let through.
public struct RateLimitSpec: Codable, Hashable, Sendable, Buildable {
    /// How many requests a second; those beyond get 429.
    public var requestsPerSecond: Double = 0
    /// `ClientIP` or `App`: what is counted apart. Each node counts for itself.
    public var per: String?

    /// Makes an empty spec.
    public init() {}
}

/// Whether users stay on the pod that they were on.
public struct StickySpec: Codable, Hashable, Sendable, Buildable {
    /// The name of the cookie that says which.
    public var cookie: String?

    /// Makes an empty spec.
    public init() {}
}
