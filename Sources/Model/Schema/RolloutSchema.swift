/// How a change reaches an App's pods.
enum RolloutSchema {
    static let rollout = Schema.object(
        fields: [
            Field(
                "strategy", .enumeration("Rolling", "BlueGreen", "Canary", "Recreate"),
                "How old pods give way to new ones",
                default: "Rolling"),
            Field("maxSurge", .intOrPercent(), "How many pods may run beyond the desired count", default: "25%"),
            Field("maxUnavailable", .intOrPercent(), "How many of the desired count may be unready", default: 0),
            Field(
                "minReady", .string(format: .duration), "How long a pod must have been ready to count as available",
                default: "0s"),
            Field(
                "progressDeadline", .string(format: .positiveDuration), "How long a rollout may go without progress",
                default: "10m"),
            Field(
                "autoRollback", .boolean, "Whether a failed rollout returns to the last good revision", default: true),
            Field("historyLimit", .integer(min: 0, max: 1000), "How many superseded revisions are kept", default: 10),
            Field("steps", .array(items: step), "A canary's steps"),
            Field("blueGreen", blueGreen, "A blue-green's promotion"),
            Field("analysis", analysis, "What judges a canary or a blue-green"),
        ], rules: [AppRules.someProgress, AppRules.stepsNeedCanary])

    private static let step = Schema.object(
        fields: [
            Field("setWeight", .integer(min: 0, max: 100), "The new revision's share of requests, in percent"),
            Field(
                "pause", .oneOf([.string(format: .duration), .object(fields: [])]),
                "How long to wait; `{}` waits for `martlet rollout promote`"),
        ], rules: [.exactlyOne(of: "setWeight", "pause")])

    private static let blueGreen = Schema.object(fields: [
        Field("autoPromote", .boolean, "Whether the new set gets the traffic without being asked", default: true),
        Field("promoteAfter", .string(format: .duration), "How long the full new set waits first", default: "0s"),
        Field("keepOld", .string(format: .duration), "How long the old set is kept after the switch", default: "30s"),
    ])

    private static let analysis = Schema.object(fields: [
        Field("interval", .string(format: .positiveDuration), "The time from one look to the next", default: "5s"),
        Field("failureLimit", .integer(min: 0, max: 1000), "How many failed looks are put up with", default: 2),
        Field("metrics", .array(items: metric, minItems: 1, key: "name"), "What is looked at", required: true),
    ])

    private static let threshold = Schema.oneOf([
        .number(min: 0),
        .string(
            format: StringFormat("threshold", "a number, a percentage such as 1% or a duration such as 300ms") {
                Syntax.percentage($0) != nil || TimeSpan($0) != nil
            }),
    ])

    private static let metric = Schema.object(
        fields: [
            Field("name", .string(format: .dnsLabel), "The name, unique in the analysis", required: true),
            Field(
                "source", .enumeration("ErrorRate", "LatencyP50", "LatencyP95", "LatencyP99", "Prometheus"),
                "Where the value comes from", required: true),
            Field("min", threshold, "The value must be at least this"),
            Field("max", threshold, "The value must be at most this"),
            Field("maxTimesStable", .number(min: 0), "The value must be at most this many times the stable revision's"),
            Field("url", .string(format: .httpURL), "Prometheus' address"),
            Field("query", .string(format: .nonEmpty), "The query in PromQL"),
        ],
        rules: [
            Rule("one of min, max and maxTimesStable is set") { object, path in
                let names = ["min", "max", "maxTimesStable"]
                guard !names.contains(where: { object[$0] != nil }) else { return [] }
                return [FieldError(path, .required, "one of min, max, maxTimesStable must be set", allowed: names)]
            },
            Rule("url and query belong to Prometheus") { object, path in
                let names = ["url", "query"]
                if object["source"]?.string == "Prometheus" {
                    return names.filter { object[$0] == nil }.map {
                        FieldError(path.appending($0), .required, "must be set for source Prometheus")
                    }
                }
                return names.filter { object[$0] != nil }.map {
                    FieldError(path.appending($0), .forbidden, "only source Prometheus takes it")
                }
            },
        ])
}
