/// How an App is reached and how requests are spread over its pods.
enum TrafficSchema {
    static let route = Schema.object(fields: [
        Field("host", .string(format: .hostname), "The host name; every host unless set"),
        Field("path", .string(format: .urlPath), "The start of the paths", default: "/"),
        Field("port", AppSchema.portReference, "The port of the App; its first unless set"),
    ])

    static let traffic = Schema.object(fields: [
        Field(
            "balance", .enumeration("RoundRobin", "LeastConnections", "SourceHash", "Random"),
            "Which pod gets the next request", default: "RoundRobin"),
        Field("timeout", .string(format: .positiveDuration), "How long an answer may take", default: "30s"),
        Field("retries", retries, "When another pod is tried"),
        Field("circuitBreaker", circuitBreaker, "When a pod is left out"),
        Field("rateLimit", rateLimit, "How many requests are let through"),
        Field("maxConnections", .integer(min: 1, max: 1_000_000), "How many connections a pod gets at once"),
    ])

    private static let retries = Schema.object(fields: [
        Field("attempts", .integer(min: 0, max: 10), "How many further tries", default: 2),
        Field(
            "on", .strings(.retryCondition, minItems: 1, unique: true), "What is tried again",
            default: ["ConnectFailure"]),
    ])

    private static let circuitBreaker = Schema.object(fields: [
        Field("consecutiveErrors", .integer(min: 1, max: 1000), "How many errors in a row", default: 5),
        Field("ejectFor", .string(format: .positiveDuration), "How long the pod is left out", default: "30s"),
    ])

    private static let rateLimit = Schema.object(fields: [
        Field("requestsPerSecond", .number(min: 0.001), "How many requests a second", required: true),
        Field("per", .enumeration("ClientIP", "App"), "What is counted apart", default: "ClientIP"),
    ])
}
