import Model

/// The requests of a backend that one pod got, or that no pod did.
struct TrafficMember: Sendable {
    /// The last fifteen minutes.
    private(set) var series = TrafficSeries()
    /// Since there are statistics.
    private(set) var total = TrafficTotal()
    /// What came since the last second that is whole.
    var second = TrafficSecond()
    private var latencies = LatencyHistogram()

    /// Notes a request that has ended.
    ///
    /// - Parameter isPast: whether it ended before the first second that is counted.
    mutating func note(_ record: RequestRecord, isPast: Bool) {
        if let latency = record.latency {
            total.durations.record(latency)
            if !isPast { latencies.record(latency) }
        }
        if !isPast { return second.count(record) }
        var past = TrafficSecond()
        past.count(record)
        total.counts.add(past)
    }

    /// Ends a second.
    mutating func end(_ now: UInt32) {
        second.second = now
        total.counts.add(second)
        (total.counts.inFlight, total.counts.queued) = (Int(second.inFlight), Int(second.queued))
        series.append(second, latencies)
        second = TrafficSecond()
        if latencies.count > 0 { latencies = LatencyHistogram() }
    }

    /// What happened in some seconds up to and including one.
    func summary(seconds: Int, until second: Int64) -> TrafficSummary {
        series.summary(from: UInt32(clamping: second - Int64(seconds) + 1), through: UInt32(clamping: second))
    }
}

extension TrafficSecond {
    /// How far counters went on since a second ago.
    ///
    /// - Parameter atPods: how many requests of the backend pods have; those that it has beyond that wait for one.
    init(_ row: StatRow, since before: StatRow?, atPods: Int) {
        guard row.server != nil else {
            inFlight = UInt16(clamping: row[.inFlight] - atPods)
            queued = UInt16(clamping: row[.queued])
            return
        }
        // A counter that went back has begun again: all of it is new.
        let isContinued = before.map { before in StatField.failures.allSatisfy { row[$0] >= before[$0] } } ?? false
        func growth(_ field: StatField) -> UInt16 {
            UInt16(clamping: row[field] - (isContinued ? before?[field] ?? 0 : 0))
        }
        retries = growth(.retries)
        redispatches = growth(.redispatches)
        connectErrors = growth(.connectErrors)
        responseErrors = growth(.responseErrors)
        inFlight = UInt16(clamping: row[.inFlight])
        queued = UInt16(clamping: row[.queued])
    }

    /// Adds what another process counted.
    mutating func add(_ other: TrafficSecond) {
        retries.grow(by: Int(other.retries))
        redispatches.grow(by: Int(other.redispatches))
        connectErrors.grow(by: Int(other.connectErrors))
        responseErrors.grow(by: Int(other.responseErrors))
        inFlight.grow(by: Int(other.inFlight))
        queued.grow(by: Int(other.queued))
    }

    /// Counts a request that has ended.
    mutating func count(_ record: RequestRecord) {
        requests.grow(by: 1)
        switch record.status {
        case 100...199: upgrades.grow(by: 1)
        case 200...299: break
        case 300...399: redirections.grow(by: 1)
        case 400...499: clientErrors.grow(by: 1)
        case 500...: serverErrors.grow(by: 1)
        // A connection of TCP that led to nobody.
        case 0 where !record.hasServer || record.isServerError: serverErrors.grow(by: 1)
        default: withoutStatus.grow(by: 1)
        }
    }
}

extension FixedWidthInteger {
    /// Adds a number; what is more than there is room for is left out.
    fileprivate mutating func grow(by added: Int) { self = Self(clamping: Int(self) + added) }
}

extension StatField {
    /// What only grows, of what is used of pods.
    fileprivate static let failures: [StatField] = [.retries, .redispatches, .connectErrors, .responseErrors]
}
