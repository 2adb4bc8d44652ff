import Model

/// What of a seed's simulation is kept; the rest is left out. How a failure is made small, and made again.
public struct Selection: Sendable, Hashable {
    /// The faults that may happen; nil for all.
    public var faults: Set<FaultKind>?
    /// The operations of users, by number; nil for all.
    public var operations: Set<Int>?
    /// How many nodes there are; nil for as many as the seed says.
    public var nodes: Int?
    /// Within how many seconds users do all that the seed has them do; nil for what the seed says.
    public var within: Int?
    /// When faults and operations end, in milliseconds; nil for when the seed says.
    public var milliseconds: Int64?

    /// A simulation that is short enough to be one of many tests.
    public static var short: Selection {
        var selection = Selection()
        (selection.nodes, selection.within) = (2, 40)
        return selection
    }

    /// Everything.
    public init() {}

    /// Reads `faults=late,reboot;operations=1,4;nodes=2;within=40;milliseconds=35000`; nil for what is none.
    public init?(_ text: String) {
        for part in text.split(separator: ";") {
            let halves = part.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
            guard halves.count == 2 else { return nil }
            let words = halves[1].split(separator: ",").map(String.init)
            switch halves[0] {
            case "faults":
                let kinds = words.compactMap { FaultKind(rawValue: $0) }
                guard kinds.count == words.count else { return nil }
                faults = Set(kinds)
            case "operations":
                let numbers = words.compactMap { Int($0) }
                guard numbers.count == words.count else { return nil }
                operations = Set(numbers)
            case "nodes":
                guard let count = Int(halves[1]), count > 0 else { return nil }
                nodes = count
            case "within":
                guard let count = Int(halves[1]), count > 0 else { return nil }
                within = count
            case "milliseconds":
                guard let count = Int64(halves[1]), count >= 0 else { return nil }
                milliseconds = count
            default: return nil
            }
        }
    }

    /// The selection as `init(_:)` reads it.
    public var text: String {
        var parts: [String] = []
        if let faults { parts.append("faults=" + faults.map(\.rawValue).sorted().joined(separator: ",")) }
        if let operations { parts.append("operations=" + operations.sorted().map(String.init).joined(separator: ",")) }
        if let nodes { parts.append("nodes=\(nodes)") }
        if let within { parts.append("within=\(within)") }
        if let milliseconds { parts.append("milliseconds=\(milliseconds)") }
        return parts.joined(separator: ";")
    }
}

/// Where the server is killed, when every write is tried in turn.
public enum CrashPoint: Hashable, Sendable {
    /// Before the write of a number, the first being 1, is durable.
    case before(Int)
    /// After it, before its answer.
    case after(Int)
}

/// All that a seed decides before the simulation begins: how many nodes, what users do and when, and how strong each fault is.
public struct Plan: Sendable {
    /// The seed.
    public let seed: UInt64
    /// How many nodes there are.
    public let nodeCount: Int
    /// How much CPU each node has, in thousandths.
    public let nodeCPU: Int64
    /// How long faults happen and users act.
    public let horizon: TimeSpan
    /// What users do, in order of time.
    public let operations: [UserOperation]
    private let strengths: [FaultKind: Int]

    /// The one write at which the server is killed, beside what faults do.
    public var crash: CrashPoint?

    /// The most operations that a selection may name: what the seed draws before anything is left out.
    public let operationCount: Int

    /// What a seed decides, but for what is left out.
    public init(seed: UInt64, only selection: Selection = Selection()) {
        self.seed = seed
        var random = SeededRandom(seed: seed, stream: "plan")
        var strengths: [FaultKind: Int] = [:]
        for row in FaultTable.rows {
            let value = random.pick(row.values)
            strengths[row.kind] = selection.faults.map { $0.contains(row.kind) } ?? true ? value : 0
        }
        let nodes = random.pick([1, 2, 3, 3, 5, 8, 20])
        // Requests are multiples of 100: whatever fills a node leaves room for the small pods of the repairs.
        nodeCPU = random.pick([1060, 2060, 4060])
        let drawn = random.pick([60, 120, 240, 480])
        let seconds = selection.within ?? drawn
        let count = random.pick([10, 20, 40, 80])
        var operations = UserOperation.all(seed: seed, count: count, seconds: seconds)
        operationCount = operations.count
        if let kept = selection.operations { operations = operations.filter { kept.contains($0.number) } }
        horizon = selection.milliseconds.map { .milliseconds($0) } ?? .seconds(Int64(seconds))
        self.operations = operations.filter { [horizon] in $0.time <= horizon }
        self.strengths = strengths
        nodeCount = selection.nodes ?? nodes
    }

    /// The value of a fault that the seed drew; 0 for none.
    func strength(_ kind: FaultKind) -> Int { strengths[kind] ?? 0 }

    /// The faults that may happen.
    public var faults: [FaultKind] { FaultKind.allCases.filter { strength($0) > 0 } }
}
