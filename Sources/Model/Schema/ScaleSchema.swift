/// How the number of an App's pods follows the load.
enum ScaleSchema {
    private static let count = Schema.integer(min: 0, max: 10_000)

    static let autoscale = Schema.object(
        fields: [
            Field("min", count, "The fewest pods; 0 allows scale to zero", default: 1),
            Field("max", .integer(min: 1, max: 10_000), "The most pods", required: true),
            Field("metrics", .array(items: metric, minItems: 1, key: "type"), "What the count follows", required: true),
            Field("scaleUp", behavior(cooldown: "0s", window: "0s"), "How the count grows", default: [:]),
            Field("scaleDown", behavior(cooldown: "60s", window: "5m"), "How the count shrinks", default: [:]),
            Field("schedules", .array(items: schedule, key: "name"), "Other bounds at set times"),
        ], rules: [.ordered("min", "max")])

    private static let metric = Schema.object(
        fields: [
            Field(
                "type", .enumeration("CPU", "Memory", "RequestsPerSecond", "Concurrency"), "What is measured",
                required: true),
            Field(
                "target", .oneOf([.number(min: 0.001), .string(format: .percent)]),
                "A percentage of the request for CPU and Memory; a number per pod for the others", required: true),
        ],
        rules: [
            Rule("CPU and Memory aim at a percentage, the others at a number") { object, path in
                guard let type = object["type"]?.string, let target = object["target"] else { return [] }
                let isResource = ["CPU", "Memory"].contains(type)
                guard ["CPU", "Memory", "RequestsPerSecond", "Concurrency"].contains(type),
                    isResource != (target.string != nil), target.string != nil || target.number != nil
                else { return [] }
                let wanted = isResource ? "a percentage such as 70%" : "a number per pod"
                return [
                    FieldError(
                        path.appending("target"), .invalidValue, "expected \(wanted) for \(type)",
                        found: target.shownInMessages)
                ]
            }
        ])

    private static func behavior(cooldown: JSONValue, window: JSONValue) -> Schema {
        .object(fields: [
            Field("cooldown", .string(format: .duration), "The time from one change to the next", default: cooldown),
            Field(
                "stabilizationWindow", .string(format: .duration), "The time over which proposals are weighed",
                default: window),
            Field("tolerance", .string(format: .percent), "How far from the target nothing changes", default: "10%"),
            Field("policies", .array(items: policy), "How fast the count may change"),
            Field("select", .enumeration("Max", "Min", "Disabled"), "Which policy counts", default: "Max"),
        ])
    }

    private static let policy = Schema.object(
        fields: [
            Field("percent", .integer(min: 1, max: 10_000), "The change in a period, in percent"),
            Field("pods", .integer(min: 1, max: 10_000), "The change in a period, in pods"),
            Field("period", .string(format: .positiveDuration), "The period", required: true),
        ], rules: [.exactlyOne(of: "percent", "pods")])

    private static let schedule = Schema.object(
        fields: [
            Field("name", .string(format: .dnsLabel), "The name, unique in the App", required: true),
            Field("start", .string(format: .cron), "When it begins", required: true),
            Field("end", .string(format: .cron), "When it ends", required: true),
            Field("timeZone", .string(format: .timeZone), "The zone of both times", default: "UTC"),
            Field("min", count, "The fewest pods meanwhile"),
            Field("max", .integer(min: 1, max: 10_000), "The most pods meanwhile"),
        ],
        rules: [
            .ordered("min", "max"),
            Rule("min or max is set") { object, path in
                object["min"] == nil && object["max"] == nil
                    ? [FieldError(path, .required, "min or max must be set", allowed: ["min", "max"])] : []
            },
        ])
}
