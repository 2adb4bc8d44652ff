/// Measurements as monitoring systems read them: Prometheus' text format 0.0.4, or OpenMetrics 1.0.
///
/// A measurement begins with its name, and then its values follow, each with labels; those of one name stand together.
public struct MetricsText: Sendable {
    /// Which of the two formats.
    public enum Format: Sendable, Hashable {
        case prometheus, openMetrics

        /// The format that a client asks for by its `Accept` header.
        public init(accept header: String?) {
            let names = MediaType.accepted(header ?? "").map(\.name)
            self = names.contains("application/openmetrics-text") ? .openMetrics : .prometheus
        }

        /// The format's media type.
        public var mediaType: String {
            switch self {
            case .prometheus: "text/plain; version=0.0.4; charset=utf-8"
            case .openMetrics: "application/openmetrics-text; version=1.0.0; charset=utf-8"
            }
        }
    }

    /// What a measurement is.
    public enum Kind: String, Sendable {
        /// It only grows; its name ends in `_total`.
        case counter
        /// It goes up and down.
        case gauge
        /// How many requests took at most some times.
        case histogram
    }

    private let format: Format
    private var text = ""
    private var name = ""
    /// The lines that come before the first value of the measurement.
    private var head = ""

    /// Begins a text.
    public init(_ format: Format) { self.format = format }

    /// Begins a measurement. One without values is left out.
    public mutating func begin(_ name: String, _ kind: Kind, _ help: String) {
        self.name = name
        let isBare = format == .openMetrics && kind == .counter && name.hasSuffix("_total")
        let family = isBare ? String(name.dropLast("_total".count)) : name
        head = "# HELP \(family) \(help)\n# TYPE \(family) \(kind.rawValue)\n"
    }

    /// Adds a value.
    public mutating func add(_ value: Int, _ labels: MetricLabels = MetricLabels()) {
        add("", labels.text, String(value))
    }

    /// Adds a value.
    public mutating func add(_ value: Double, _ labels: MetricLabels = MetricLabels()) {
        add("", labels.text, Self.number(value))
    }

    /// Adds a histogram of durations in milliseconds, which are written in seconds.
    ///
    /// - Parameter cumulative: how many durations were at most each bound.
    public mutating func add(
        _ cumulative: [(bound: Int, count: Int)], count: Int, sum: Int, _ labels: MetricLabels
    ) {
        for (bound, passed) in cumulative {
            add("_bucket", labels.adding("le", self.bound(bound)).text, String(passed))
        }
        add("_bucket", labels.adding("le", "+Inf").text, String(count))
        add("_sum", labels.text, Self.number(Double(sum) / 1000))
        add("_count", labels.text, String(count))
    }

    /// The whole text.
    public var bytes: [UInt8] { Array((format == .openMetrics ? text + "# EOF\n" : text).utf8) }

    private mutating func add(_ suffix: String, _ labels: String, _ value: String) {
        text += head
        head = ""
        text += name
        text += suffix
        if !labels.isEmpty {
            text += "{"
            text += labels
            text += "}"
        }
        text += " "
        text += value
        text += "\n"
    }

    /// A bound in seconds: whole ones have a fraction in OpenMetrics and none in the other format, as all clients write them.
    private func bound(_ milliseconds: Int) -> String {
        let seconds = Self.number(Double(milliseconds) / 1000)
        return format == .openMetrics && milliseconds % 1000 == 0 ? seconds + ".0" : seconds
    }

    private static func number(_ value: Double) -> String {
        let text = "\(value)"
        return text.hasSuffix(".0") ? String(text.dropLast(2)) : text
    }
}

/// What tells the values of a measurement apart.
public struct MetricLabels: Sendable, Hashable, Comparable {
    /// `NAME="VALUE",...`, the values escaped.
    fileprivate var text = ""

    /// No labels.
    public init() {}

    /// Labels; empty values are left out, which means the same.
    public init(_ labels: KeyValuePairs<String, String>) { for (name, value) in labels { self = adding(name, value) } }

    /// These labels and another one.
    public func adding(_ name: String, _ value: String) -> MetricLabels {
        guard !value.isEmpty else { return self }
        var labels = self
        labels.text += text.isEmpty ? "\(name)=\"" : ",\(name)=\""
        labels.text += Self.escaped(value)
        labels.text += "\""
        return labels
    }

    /// By text.
    public static func < (left: MetricLabels, right: MetricLabels) -> Bool { left.text < right.text }

    private static func escaped(_ value: String) -> String {
        guard value.utf8.contains(where: { $0 == 0x22 || $0 == 0x5C || $0 == 0x0A }) else { return value }
        return value.reduce(into: "") { result, character in
            switch character {
            case "\\": result += "\\\\"
            case "\"": result += "\\\""
            case "\n": result += "\\n"
            case "\r\n": result += "\r\\n"
            default: result.append(character)
            }
        }
    }
}
