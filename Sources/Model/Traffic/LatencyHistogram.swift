/// How long requests took: counts in buckets that are exact below 16 ms and an eighth of a power of two wide from there on, so
/// that a quantile is at most 12.5 % too large. Two of them add up without a loss.
public struct LatencyHistogram: Sendable, Hashable {
    /// How many buckets there are: up to 70 minutes; longer times count there.
    public static let bucketCount = 16 + 8 * 18
    private var counts: [UInt32] = []
    /// How many requests were counted.
    public private(set) var count = 0

    /// Makes an empty histogram.
    public init() {}

    /// The bucket of a time in milliseconds.
    public static func bucket(_ milliseconds: Int) -> Int {
        if milliseconds < 16 { return max(0, milliseconds) }
        let exponent = Int.bitWidth - 1 - milliseconds.leadingZeroBitCount
        return min(bucketCount - 1, 16 + (exponent - 4) * 8 + (milliseconds >> (exponent - 3)) & 7)
    }

    /// The longest time that counts in a bucket, in milliseconds.
    public static func longest(_ bucket: Int) -> Int {
        if bucket < 16 { return bucket }
        let (exponent, part) = ((bucket - 16) / 8 + 4, (bucket - 16) % 8)
        return (8 + part + 1) << (exponent - 3) - 1
    }

    /// Counts requests that took a time in milliseconds.
    public mutating func record(_ milliseconds: Int) { add(bucket: Self.bucket(milliseconds), count: 1) }

    /// Counts requests of a bucket.
    public mutating func add(bucket: Int, count added: Int) {
        if counts.isEmpty { counts = [UInt32](repeating: 0, count: Self.bucketCount) }
        counts[bucket] = UInt32(clamping: Int(counts[bucket]) + added)
        count += added
    }

    /// Counts what another histogram has counted.
    public mutating func merge(_ other: LatencyHistogram) {
        guard count > 0 else { return self = other }
        for (bucket, count) in other.entries { add(bucket: bucket, count: count) }
    }

    /// The buckets that are not empty, by time.
    public var entries: [(bucket: Int, count: Int)] {
        counts.enumerated().filter { $0.element > 0 }.map { ($0.offset, Int($0.element)) }
    }

    /// The time in milliseconds that a share of the requests did not exceed; nil without requests.
    public func quantile(_ share: Double) -> Int? {
        guard count > 0 else { return nil }
        let rank = max(1, Int((Double(count) * share).rounded(.up)))
        var passed = 0
        for (bucket, count) in entries {
            passed += count
            if passed >= rank { return Self.longest(bucket) }
        }
        return nil
    }

    /// Half of the requests took at most so many milliseconds.
    public var p50: Int? { quantile(0.5) }
    /// 95 of 100 requests took at most so many milliseconds.
    public var p95: Int? { quantile(0.95) }
    /// 99 of 100 requests took at most so many milliseconds.
    public var p99: Int? { quantile(0.99) }
}
