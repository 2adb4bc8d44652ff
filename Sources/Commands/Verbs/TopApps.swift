import Client
import Model
import Wire

/// `martlet top apps`: what happened to Apps' requests, and what their pods use.
struct TopApps {
    /// What the rows are.
    enum Parts {
        case apps, revisions, pods
    }
    /// One row, before it is text.
    struct Row {
        var names: [String]
        var part: AppMetrics.Part
    }

    /// A column by whose values rows can be sorted, the largest first.
    static let orders: [(name: String, value: @Sendable (AppMetrics.Part) -> Double)] = [
        ("requests", { $0.requests.perSecond }), ("errors", { errorShare($0.requests) ?? -1 }),
        ("retries", { Double($0.requests.retries) }), ("connect-errors", { Double($0.requests.connectErrors) }),
        ("in-flight", { Double($0.requests.inFlight) }), ("queue", { Double($0.requests.queued) }),
        ("p50", { Double($0.requests.latency?.p50Milliseconds ?? -1) }),
        ("p95", { Double($0.requests.latency?.p95Milliseconds ?? -1) }),
        ("p99", { Double($0.requests.latency?.p99Milliseconds ?? -1) }),
        ("cpu", { Double($0.cpu.flatMap { Quantity($0) }?.thousandths ?? -1) }),
        ("memory", { Double($0.memory.flatMap { Quantity($0) }?.whole ?? -1) }),
    ]

    /// Which rows are wanted.
    var parts: Parts
    /// Whether rows begin with their namespace.
    var isOfAllNamespaces: Bool
    /// By which column rows are sorted; by name when nil.
    var order: String?

    /// The rows of Apps as a table.
    func table(_ apps: [AppMetrics]) -> TextTable {
        var rows = apps.flatMap(rows)
        if let value = Self.orders.first(where: { $0.name == order })?.value {
            rows.sort { left, right in
                let (first, second) = (value(left.part), value(right.part))
                return first != second ? first > second : left.names.lexicographicallyPrecedes(right.names)
            }
        } else {
            rows.sort { $0.names.lexicographicallyPrecedes($1.names) }
        }
        return TextTable(headers: headers, rows: rows.map { $0.names + cells($0.part) })
    }

    private func rows(_ app: AppMetrics) -> [Row] {
        let names = (isOfAllNamespaces ? [app.metadata.namespace ?? ""] : []) + [app.metadata.name ?? ""]
        switch parts {
        case .apps: return [Row(names: names, part: app.total)]
        case .revisions: return app.revisions.map { Row(names: names + [$0.name], part: $0) }
        case .pods: return app.pods.map { Row(names: names + [$0.name], part: $0) }
        }
    }

    private var headers: [String] {
        let names = (isOfAllNamespaces ? ["NAMESPACE"] : []) + ["NAME"]
        let figures = [
            "REQ/S", "ERRORS", "RETRIES", "CONN-ERRORS", "IN-FLIGHT", "QUEUE", "P50", "P95", "P99",
            "CPU", "MEMORY",
        ]
        switch parts {
        case .apps: return names + ["READY"] + figures
        case .revisions: return names + ["REVISION", "READY"] + figures
        case .pods: return names + ["POD", "READY"] + figures
        }
    }

    private func cells(_ part: AppMetrics.Part) -> [String] {
        let requests = part.requests
        let latency = requests.latency
        let cpu = part.cpu.flatMap { Quantity($0) }.map { "\($0.thousandths)m" }
        let memory = part.memory.flatMap { Quantity($0) }.map { "\($0.whole >> 20)Mi" }
        return [
            "\(part.readyPods)/\(part.pods)", Self.rate(requests.perSecond), Self.share(requests),
            "\(requests.retries)", "\(requests.connectErrors)", "\(requests.inFlight)", "\(requests.queued)",
            Self.time(latency?.p50Milliseconds), Self.time(latency?.p95Milliseconds),
            Self.time(latency?.p99Milliseconds),
            cpu ?? "-", memory ?? "-",
        ]
    }

    // MARK: - Figures as text

    private static func errorShare(_ requests: RequestFigures) -> Double? {
        requests.count > 0 ? Double(requests.serverErrors) / Double(requests.count) : nil
    }

    /// Requests a second: to a tenth below ten, whole from there on.
    static func rate(_ value: Double) -> String {
        value == 0 ? "0" : value < 10 ? tenths(value) : "\(Int(value.rounded()))"
    }

    /// A share in percent. Few errors are never shown as none.
    private static func share(_ requests: RequestFigures) -> String {
        guard let share = errorShare(requests) else { return "-" }
        if share > 0, share < 0.001 { return "<0.1%" }
        return share == 0 ? "0%" : share < 0.1 ? "\(tenths(share * 100))%" : "\(Int((share * 100).rounded()))%"
    }

    /// A time: whole milliseconds, and seconds to a tenth from ten of them on.
    static func time(_ milliseconds: Int?) -> String {
        guard let milliseconds else { return "-" }
        return milliseconds < 10_000 ? "\(milliseconds)ms" : "\(tenths(Double(milliseconds) / 1000))s"
    }

    private static func tenths(_ value: Double) -> String {
        let tenths = Int((value * 10).rounded())
        return "\(tenths / 10).\(tenths % 10)"
    }
}
