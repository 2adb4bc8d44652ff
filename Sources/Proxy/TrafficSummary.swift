/// What happened to the requests of a pod, a revision or an App in some seconds.
public struct TrafficSummary: Sendable, Hashable {
    /// Requests that were answered; connections, for TCP.
    public var requests = 0
    /// Answers of 200 to 299.
    public var successes = 0
    /// Answers of 300 to 399.
    public var redirections = 0
    /// Answers of 400 to 499.
    public var clientErrors = 0
    /// Answers of 500 to 599.
    public var serverErrors = 0
    /// Further tries.
    public var retries = 0
    /// Connections that a pod did not accept.
    public var connectErrors = 0
    /// Requests in flight: the sum over the seconds, of which `averageInFlight` is made.
    public var inFlightSum = 0
    /// Requests in flight in the last second.
    public var inFlight = 0
    /// Requests that waited for a pod in the last second.
    public var queued = 0
    /// How long the answers took.
    public var latency = LatencyHistogram()

    /// Makes a summary of nothing.
    public init() {}

    /// How many requests a second there were on average.
    public func requestsPerSecond(over seconds: Int) -> Double { Double(requests) / Double(max(1, seconds)) }

    /// How many requests were in flight on average.
    public func averageInFlight(over seconds: Int) -> Double { Double(inFlightSum) / Double(max(1, seconds)) }

    /// The share of server errors, 0 to 1; nil without requests.
    public var errorRate: Double? { requests > 0 ? Double(serverErrors) / Double(requests) : nil }

    /// Adds what another summary of the same seconds says.
    public mutating func merge(_ other: TrafficSummary) {
        requests += other.requests
        successes += other.successes
        redirections += other.redirections
        clientErrors += other.clientErrors
        serverErrors += other.serverErrors
        retries += other.retries
        connectErrors += other.connectErrors
        inFlightSum += other.inFlightSum
        inFlight += other.inFlight
        queued += other.queued
        latency.merge(other.latency)
    }

    /// Adds a second, the latest so far.
    mutating func add(_ second: TrafficSecond) {
        requests += Int(second.requests)
        redirections += Int(second.redirections)
        clientErrors += Int(second.clientErrors)
        serverErrors += Int(second.serverErrors)
        successes += max(
            0, Int(second.requests) - Int(second.redirections) - Int(second.clientErrors) - Int(second.serverErrors))
        retries += Int(second.retries)
        connectErrors += Int(second.connectErrors)
        inFlightSum += Int(second.inFlight)
    }
}

/// What happened in one second; 32 bytes, as there are many.
struct TrafficSecond: Sendable, Hashable {
    /// Seconds of the monotonic clock.
    var second: UInt32
    var requests: UInt32 = 0
    var redirections: UInt32 = 0
    var clientErrors: UInt32 = 0
    var serverErrors: UInt32 = 0
    var inFlight: UInt16 = 0
    var queued: UInt16 = 0
    var retries: UInt16 = 0
    var connectErrors: UInt16 = 0
    /// How many buckets of latencies belong to it.
    var buckets: UInt16 = 0

    /// Whether nothing happened.
    var isEmpty: Bool {
        requests == 0 && inFlight == 0 && queued == 0 && retries == 0 && connectErrors == 0 && buckets == 0
    }
}

/// The last fifteen minutes of a pod or a backend. Seconds in which nothing happened take no room.
struct TrafficSeries: Sendable {
    /// How many seconds are kept.
    static let kept: UInt32 = 900

    private var seconds: [TrafficSecond] = []
    /// The latencies of the seconds, one after the other: the bucket in the highest eight bits, the count below.
    private var latencies: [UInt32] = []
    /// How many of both are out of date and not given up yet.
    private var stale = (seconds: 0, latencies: 0)

    /// Adds a second, later than those before.
    mutating func append(_ second: TrafficSecond, _ histogram: LatencyHistogram?) {
        var second = second
        let entries = histogram?.entries ?? []
        second.buckets = UInt16(entries.count)
        if second.isEmpty { return expire(before: second.second) }
        seconds.append(second)
        latencies += entries.map { UInt32($0.bucket) << 24 | UInt32(min($0.count, 0xFF_FFFF)) }
        expire(before: second.second)
    }

    /// Gives up what is older than fifteen minutes.
    mutating func expire(before now: UInt32) {
        while stale.seconds < seconds.count, seconds[stale.seconds].second + Self.kept <= now {
            stale.latencies += Int(seconds[stale.seconds].buckets)
            stale.seconds += 1
        }
        // Seldom, as what is left is moved; and soon enough for no array to grow beyond 1024 seconds.
        guard stale.seconds >= 100 else { return }
        seconds.removeFirst(stale.seconds)
        latencies.removeFirst(stale.latencies)
        stale = (0, 0)
    }

    /// Whether nothing of the last fifteen minutes is left.
    var isEmpty: Bool { stale.seconds == seconds.count }

    /// How many bytes it takes.
    var bytes: Int {
        seconds.capacity * MemoryLayout<TrafficSecond>.stride + latencies.capacity * MemoryLayout<UInt32>.stride
    }

    /// What happened in the seconds from one up to and including another.
    func summary(from first: UInt32, through last: UInt32) -> TrafficSummary {
        var summary = TrafficSummary()
        var latency = latencies.count
        for second in seconds[stale.seconds...].reversed() where second.second >= first {
            latency -= Int(second.buckets)
            guard second.second <= last else { continue }
            summary.add(second)
            for entry in latencies[latency..<latency + Int(second.buckets)] {
                summary.latency.add(bucket: Int(entry >> 24), count: Int(entry & 0xFF_FFFF))
            }
            if second.second == last { (summary.inFlight, summary.queued) = (Int(second.inFlight), Int(second.queued)) }
        }
        return summary
    }
}
