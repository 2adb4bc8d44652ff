import Model

extension TrafficSummary {
    /// Adds a second that was counted.
    mutating func add(_ second: TrafficSecond) {
        requests += Int(second.requests)
        upgrades += Int(second.upgrades)
        redirections += Int(second.redirections)
        clientErrors += Int(second.clientErrors)
        serverErrors += Int(second.serverErrors)
        withoutStatus += Int(second.withoutStatus)
        successes += second.successes
        retries += Int(second.retries)
        redispatches += Int(second.redispatches)
        connectErrors += Int(second.connectErrors)
        responseErrors += Int(second.responseErrors)
        inFlightSum += Int(second.inFlight)
    }
}

/// What happened in one second; 44 bytes, as there are many.
struct TrafficSecond: Sendable, Hashable {
    /// Seconds of a clock that never jumps.
    var second: UInt32 = 0
    var requests: UInt32 = 0
    var redirections: UInt32 = 0
    var clientErrors: UInt32 = 0
    var serverErrors: UInt32 = 0
    var withoutStatus: UInt32 = 0
    var upgrades: UInt16 = 0
    var inFlight: UInt16 = 0
    var queued: UInt16 = 0
    var retries: UInt16 = 0
    var redispatches: UInt16 = 0
    var connectErrors: UInt16 = 0
    var responseErrors: UInt16 = 0
    /// How many entries of latencies belong to it.
    var latencies: UInt16 = 0

    /// What is left of the requests without all others.
    var successes: Int {
        Int(requests) - Int(upgrades) - Int(redirections) - Int(clientErrors) - Int(serverErrors) - Int(withoutStatus)
    }

    /// Whether nothing happened.
    var isEmpty: Bool {
        var nothing = TrafficSecond()
        nothing.second = second
        return self == nothing
    }
}

/// The last fifteen minutes of a pod, or of what no pod got. Seconds in which nothing happened take no room.
struct TrafficSeries: Sendable {
    /// How many seconds are kept.
    static let kept: UInt32 = 900

    private var seconds: [TrafficSecond] = []
    /// The latencies of the seconds, one after the other: the bucket in the upper byte, up to 255 requests in the lower one; what
    /// has more requests has several entries.
    private var latencies: [UInt16] = []
    /// How many of both are out of date and not given up yet.
    private var stale = (seconds: 0, latencies: 0)

    /// Adds a second, later than those before.
    mutating func append(_ second: TrafficSecond, _ histogram: LatencyHistogram) {
        let before = latencies.count
        for (bucket, count) in histogram.entries {
            for rest in stride(from: count, to: 0, by: -255) { latencies.append(UInt16(bucket << 8 | min(rest, 255))) }
        }
        var second = second
        second.latencies = UInt16(clamping: latencies.count - before)
        if !second.isEmpty { seconds.append(second) }
        expire(before: second.second)
    }

    /// Gives up what is older than fifteen minutes.
    mutating func expire(before now: UInt32) {
        while stale.seconds < seconds.count, seconds[stale.seconds].second + Self.kept <= now {
            stale.latencies += Int(seconds[stale.seconds].latencies)
            stale.seconds += 1
        }
        // Seldom, as what is left is moved; and soon enough for no array to grow beyond 1024 seconds.
        guard stale.seconds >= 100 || isEmpty else { return }
        seconds.removeFirst(stale.seconds)
        latencies.removeFirst(stale.latencies)
        stale = (0, 0)
        if seconds.isEmpty { (seconds, latencies) = ([], []) }
    }

    /// Whether nothing of the last fifteen minutes is left.
    var isEmpty: Bool { stale.seconds == seconds.count }

    /// How many bytes it takes.
    var bytes: Int {
        seconds.capacity * MemoryLayout<TrafficSecond>.stride + latencies.capacity * MemoryLayout<UInt16>.stride
    }

    /// What happened in the seconds from one up to and including another.
    func summary(from first: UInt32, through last: UInt32) -> TrafficSummary {
        var summary = TrafficSummary()
        var latency = latencies.count
        for second in seconds[stale.seconds...].reversed() {
            guard second.second >= first else { break }
            latency -= Int(second.latencies)
            guard second.second <= last else { continue }
            summary.add(second)
            for entry in latencies[latency..<latency + Int(second.latencies)] {
                summary.latency.add(bucket: Int(entry >> 8), count: Int(entry & 0xFF))
            }
            if second.second == last { (summary.inFlight, summary.queued) = (Int(second.inFlight), Int(second.queued)) }
        }
        return summary
    }
}
