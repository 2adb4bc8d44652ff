public import Model

/// When a program that has ended is started again: at once the first time, then after 1 s doubling to 30 s, until it has
/// run for a minute.
public struct RestartBackoff: Sendable, Hashable {
    /// The wait after the second end in a row.
    public var first: TimeSpan
    /// The longest wait.
    public var last: TimeSpan
    /// How long a program must run for its earlier ends to be forgotten.
    public var stable: TimeSpan
    /// How many ends count.
    public private(set) var ends = 0

    /// Makes a backoff without history.
    public init(first: TimeSpan = .seconds(1), last: TimeSpan = .seconds(30), stable: TimeSpan = .seconds(60)) {
        self.first = first
        self.last = last
        self.stable = stable
    }

    /// Counts an end, or a start that failed.
    ///
    /// - Parameter ran: how long the program has run; no time when it did not start.
    /// - Returns: how long to wait before it is started again.
    public mutating func ended(after ran: TimeSpan) -> TimeSpan {
        ends = ran >= stable ? 1 : ends + 1
        guard ends > 1 else { return .zero }
        return min(last, first * (Int64(1) << Int64(min(ends - 2, 30))))
    }
}
