/// What happened to requests since counting began: numbers that only grow, for monitoring systems, which take differences.
public struct TrafficTotal: Sendable, Hashable {
    /// The counts. Of `inFlight` and `queued` they have the last second; `latency` stays empty, as `durations` has it.
    public var counts = TrafficSummary()
    /// How long the answers took.
    public var durations = DurationTotals()
    /// Whether the circuit breaker leaves the pod out now.
    public var isEjected = false

    /// Makes a total of nothing.
    public init() {}

    /// Adds what happened to other requests.
    public mutating func merge(_ other: TrafficTotal) {
        counts.merge(other.counts)
        durations.merge(other.durations)
        isEjected = isEjected || other.isEjected
    }
}

/// How long requests took: how many took at most each of some times, and all their times together.
public struct DurationTotals: Sendable, Hashable {
    /// The times, in milliseconds. What took longer counts behind the last.
    public static let bounds = [1, 2, 5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10_000, 30_000, 60_000]

    /// How many requests took at most each bound and longer than the one before; empty until there is one.
    private var counts: [Int] = []
    /// The sum of their times, in milliseconds.
    public private(set) var sum = 0

    /// Makes a total of nothing.
    public init() {}

    /// Counts a request that took a time in milliseconds.
    public mutating func record(_ milliseconds: Int) {
        if counts.isEmpty { counts = [Int](repeating: 0, count: Self.bounds.count + 1) }
        counts[Self.bounds.firstIndex { milliseconds <= $0 } ?? Self.bounds.count] += 1
        sum += max(0, milliseconds)
    }

    /// Counts what another total has counted.
    public mutating func merge(_ other: DurationTotals) {
        if counts.isEmpty {
            counts = other.counts
        } else {
            for (index, count) in other.counts.enumerated() { counts[index] += count }
        }
        sum += other.sum
    }

    /// How many requests there were.
    public var count: Int { counts.reduce(0, +) }

    /// How many requests took at most each bound.
    public var cumulative: [(bound: Int, count: Int)] {
        guard !counts.isEmpty else { return Self.bounds.map { ($0, 0) } }
        var passed = 0
        return zip(Self.bounds, counts).map { bound, count in
            passed += count
            return (bound, passed)
        }
    }
}
