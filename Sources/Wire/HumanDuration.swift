public import Model

/// Lengths of time as tables show them: two units at most, the second only while it matters.
public enum HumanDuration {
    /// The units with the length below which each is shown, from the smallest.
    private static let rules: [(limit: Int64, unit: Int64, name: String, rest: (unit: Int64, name: String)?)] = [
        (120, 1, "s", nil),
        (10 * minute, minute, "m", (1, "s")),
        (3 * hour, minute, "m", nil),
        (8 * hour, hour, "h", (minute, "m")),
        (2 * day, hour, "h", nil),
        (8 * day, day, "d", (hour, "h")),
        (2 * year, day, "d", nil),
        (8 * year, year, "y", (day, "d")),
        (.max, year, "y", nil),
    ]
    private static let minute: Int64 = 60
    private static let hour: Int64 = 3600
    private static let day: Int64 = 86400
    private static let year: Int64 = 365 * 86400

    /// `45s`, `5m30s`, `90m`, `3h12m`, `30h`, `2d4h`, `40d`, `3y20d`, as kubectl shows an age.
    public static func text(_ length: TimeSpan) -> String {
        // A clock that is a little behind is no news.
        guard length > .seconds(-2) else { return "<invalid>" }
        let seconds = max(0, length.wholeSeconds)
        guard let rule = rules.first(where: { seconds < $0.limit }) else { return "<invalid>" }
        let whole = "\(seconds / rule.unit)\(rule.name)"
        guard let rest = rule.rest, seconds % rule.unit / rest.unit > 0 else { return whole }
        return whole + "\(seconds % rule.unit / rest.unit)\(rest.name)"
    }

    /// The age of something that began at an RFC 3339 time; `<unknown>` where that is absent.
    public static func age(since text: String?, now: Timestamp) -> String {
        guard let text, let start = Timestamp(text) else { return "<unknown>" }
        return Self.text(now - start)
    }
}
