/// How many sandboxes are kept ready: as many as were taken lately, within bounds. Pure.
public struct PoolSize: Sendable, Hashable {
    /// For how long a sandbox that was taken counts, in nanoseconds.
    static let memory: Int64 = 30_000_000_000

    /// How long after the last was taken others are made, in nanoseconds.
    static let rest: Int64 = 20_000_000

    /// How many are kept ready when none is asked for.
    public var least: Int
    /// How many are kept ready at most, however many are asked for.
    public var most: Int
    private var taken: [Int64] = []

    /// A size between bounds, of a pool of which nothing was taken.
    public init(least: Int = 2, most: Int = 16) {
        self.least = least
        self.most = max(least, most)
    }

    /// Notes that one was asked for, whether it was there or not; the time in nanoseconds.
    mutating func take(at now: Int64) {
        taken.append(now)
        // Whatever is beyond the bound says nothing more.
        if taken.count > most { taken.removeFirst(taken.count - most) }
    }

    /// How many are to be ready.
    func wanted(at now: Int64) -> Int {
        min(most, max(least, taken.count { now - $0 < Self.memory }))
    }

    /// When the missing ones are made, if so many are ready: a little after the last was taken, because making them takes
    /// processor time from the pod that took it, and several at once share what is slow; at once when the pool runs dry.
    func refillTime(ready: Int, at now: Int64) -> Int64 {
        guard let last = taken.last, ready * 2 >= wanted(at: now) else { return now }
        return last + Self.rest
    }

    /// When fewer are wanted than now, unless more are taken; nil when that will never be.
    func nextDecrease(after now: Int64) -> Int64? {
        let lately = taken.filter { now - $0 < Self.memory }
        return lately.count > least ? lately.first.map { $0 + Self.memory } : nil
    }
}
