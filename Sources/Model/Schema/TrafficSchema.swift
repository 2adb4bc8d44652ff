/// How an App is reached and how requests are spread over its pods.
enum TrafficSchema {
    static let route = Schema.object(fields: [
        Field("host", .string(format: .hostname), "The host name; every host unless set"),
        Field("path", .string(format: .urlPath), "The start of the paths, by whole segments", default: "/"),
        Field("port", AppSchema.portReference, "The port of the App; its first unless set"),
        Field("tls", tls, "Encryption between clients and the node; plain HTTP unless set"),
    ])

    private static let tls = Schema.object(fields: [
        Field(
            "secret", .string(format: .dnsSubdomain),
            "A Secret with `tls.crt` and `tls.key`; a self-signed certificate unless set"),
        Field("redirect", .boolean, "Whether plain HTTP requests are sent to HTTPS", default: true),
    ])

    static let traffic = Schema.object(fields: [
        Field(
            "balance", .enumeration("RoundRobin", "LeastConnections", "SourceHash", "Random"),
            "Which pod gets the next request", default: "RoundRobin"),
        Field("timeout", .string(format: .positiveDuration), "How long an answer may take", default: "30s"),
        Field("retries", retries, "When another pod is tried", default: [:]),
        Field("circuitBreaker", circuitBreaker, "When a pod is left out"),
        Field("rateLimit", rateLimit, "How many requests are let through"),
        Field("maxConnections", .integer(min: 1, max: 1_000_000), "How many requests a pod gets at once"),
        Field(
            "maxQueue", .integer(min: 0, max: 1_000_000),
            "How many requests may wait for a pod that has reached maxConnections; those beyond get 503", default: 100),
        Field(
            "queueTimeout", .string(format: .positiveDuration), "How long a request may wait so; then it gets 503",
            default: "5s"),
        Field("sticky", sticky, "Whether users stay on the pod that they were on; for HTTP and HTTP2"),
        Field(
            "webSocketDrain", .string(format: .duration),
            "How long WebSockets of a pod that is to stop may go on; stop.drain unless set"),
    ])

    private static let retries = Schema.object(fields: [
        Field("attempts", .integer(min: 0, max: 10), "How many further tries", default: 2),
        Field(
            "on", .strings(.retryCondition, minItems: 1, unique: true),
            "What is tried again; only ConnectFailure for methods that are not idempotent",
            default: ["ConnectFailure"]),
    ])

    private static let circuitBreaker = Schema.object(fields: [
        Field("consecutiveErrors", .integer(min: 1, max: 1000), "How many errors in a row", default: 5),
        Field("errorRate", errorRate, "Beyond which share of errors"),
        Field(
            "ejectFor", .string(format: .positiveDuration),
            "How long the pod is left out before some requests try it again; doubles each time in a row",
            default: "30s"),
        Field("maxEjected", .intOrPercent(), "How many pods may be left out at once", default: "50%"),
    ])

    private static let errorRate = Schema.object(fields: [
        Field("max", .string(format: .percent), "The largest share of errors that is put up with", required: true),
        Field("window", .string(format: .errorWindow), "The time over which is counted", default: "10s"),
        Field(
            "minRequests", .integer(min: 1, max: 1_000_000), "How many requests there must be in it", default: 20),
    ])

    private static let rateLimit = Schema.object(fields: [
        Field("requestsPerSecond", .number(min: 0.001), "How many requests a second", required: true),
        Field("per", .enumeration("ClientIP", "App"), "What is counted apart", default: "ClientIP"),
    ])

    private static let sticky = Schema.object(fields: [
        Field("cookie", .string(format: .cookieName), "The cookie that says which pod", default: "martlet")
    ])
}
