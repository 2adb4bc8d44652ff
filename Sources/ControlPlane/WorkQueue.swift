public import Model

/// One thing to decide about.
public enum WorkKey: Hashable, Sendable {
    /// The namespaces that always exist.
    case bootstrap
    /// All pods without a node, as one batch.
    case scheduling
    /// Events that have grown old.
    case events
    /// One App, pod, revision or namespace.
    case object(ObjectKey)
}

/// The keys to decide about: each at most once, in the order in which they became dirty, failed ones later and later.
///
/// A value without a clock: whoever asks says what time it is.
public struct WorkQueue: Sendable {
    private var ready: [WorkKey] = []
    private var head = 0
    private var isReady: Set<WorkKey> = []
    private var delayed: [(time: Timestamp, order: UInt64, key: WorkKey)] = []
    private var dueTimes: [WorkKey: Timestamp] = [:]
    private var order: UInt64 = 0
    private var failures: [WorkKey: Int] = [:]
    private let firstWait: TimeSpan
    private let lastWait: TimeSpan

    /// Makes an empty queue.
    ///
    /// - Parameters:
    ///   - firstWait: how long a key waits after its first failure; doubled with each further one.
    ///   - lastWait: how long a key waits at most.
    public init(firstWait: TimeSpan = .milliseconds(5), lastWait: TimeSpan = .seconds(30)) {
        self.firstWait = firstWait
        self.lastWait = lastWait
    }

    /// How many keys are ready.
    public var count: Int { ready.count - head }

    /// Marks a key dirty. A key that is ready already stays where it is in the queue.
    public mutating func add(_ key: WorkKey) {
        if isReady.insert(key).inserted { ready.append(key) }
    }

    /// Marks a key dirty at a moment; of several moments the earliest counts.
    public mutating func add(_ key: WorkKey, at time: Timestamp) {
        if let present = dueTimes[key], present <= time { return }
        dueTimes[key] = time
        order += 1
        let entry = (time: time, order: order, key: key)
        let index = delayed.partitioningIndex { ($0.time, $0.order) > (time, entry.order) }
        delayed.insert(entry, at: index)
    }

    /// Marks a key dirty that could not be dealt with, after its back-off.
    public mutating func retry(_ key: WorkKey, now: Timestamp) {
        let count = failures[key, default: 0]
        failures[key] = count + 1
        add(key, at: now + min(lastWait, firstWait * (Int64(1) << min(count, 30))))
    }

    /// Forgets that a key failed.
    public mutating func succeed(_ key: WorkKey) { failures[key] = nil }

    /// Takes the next key that is due.
    public mutating func next(now: Timestamp) -> WorkKey? {
        promote(now: now)
        guard head < ready.count else { return nil }
        let key = ready[head]
        head += 1
        if head > 1024, head * 2 > ready.count {
            ready.removeFirst(head)
            head = 0
        }
        isReady.remove(key)
        return key
    }

    /// Moves what is to be done at a moment: the clock was set, and waits are to last as long as they would have.
    public mutating func move(by span: TimeSpan) {
        for index in delayed.indices { delayed[index].time = delayed[index].time + span }
        dueTimes = dueTimes.mapValues { $0 + span }
    }

    /// When the next key is due: `now` or earlier if one is ready, nil if there is none at all.
    public mutating func nextTime(now: Timestamp) -> Timestamp? {
        promote(now: now)
        return count > 0 ? now : delayed.first?.time
    }

    private mutating func promote(now: Timestamp) {
        var taken = 0
        while taken < delayed.count, delayed[taken].time <= now {
            let entry = delayed[taken]
            taken += 1
            // An entry that an earlier one replaced is passed over.
            guard dueTimes[entry.key] == entry.time else { continue }
            dueTimes[entry.key] = nil
            add(entry.key)
        }
        delayed.removeFirst(taken)
    }
}

extension Array {
    /// The index of the first element that a predicate holds for, in an array in which it holds for a tail.
    fileprivate func partitioningIndex(where predicate: (Element) -> Bool) -> Int {
        var (low, high) = (0, count)
        while low < high {
            let middle = low + (high - low) / 2
            if predicate(self[middle]) { high = middle } else { low = middle + 1 }
        }
        return low
    }
}
