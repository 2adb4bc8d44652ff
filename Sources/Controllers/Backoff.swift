import Model

/// How long to wait before something that failed is tried again: doubling from a first wait to a last one.
struct Backoff {
    let first: TimeSpan
    let last: TimeSpan

    /// Replacing pods that ended, and resolving images: 1 s doubling to 60 s.
    static let standard = Backoff(first: .seconds(1), last: .seconds(60))
    /// Failures longer ago than this do not count.
    static let memory = TimeSpan.minutes(5)

    /// The wait after so many failures in a row; none after none.
    func wait(after failures: Int) -> TimeSpan {
        guard failures > 0 else { return .zero }
        return min(last, first * (Int64(1) << min(failures - 1, 30)))
    }
}
