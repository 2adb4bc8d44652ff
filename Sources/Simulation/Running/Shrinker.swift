import Model

/// Makes a failure small: leaves out whatever the same checker can do without.
public struct Shrinker {
    private let seed: UInt64
    private let number: Int
    private let sabotage: Sabotage?
    private var best: Selection
    private var length: Int
    private(set) var tries = 0
    private let limit: Int

    /// The smallest part of a seed that was found to break the same promise.
    ///
    /// - Parameters:
    ///   - outcome: a run that failed.
    ///   - limit: how many runs may be made.
    public static func shrink(
        _ outcome: Outcome, only selection: Selection = Selection(), sabotage: Sabotage? = nil, limit: Int = 200
    ) -> (selection: Selection, tries: Int) {
        guard let violation = outcome.violation else { return (selection, 0) }
        var shrinker = Shrinker(outcome, violation, selection, sabotage, limit)
        shrinker.run(violation, outcome)
        return (shrinker.best, shrinker.tries)
    }

    private init(
        _ outcome: Outcome, _ violation: Violation, _ selection: Selection, _ sabotage: Sabotage?, _ limit: Int
    ) {
        seed = outcome.seed
        number = violation.number
        self.sabotage = sabotage
        self.limit = limit
        best = selection
        length = outcome.figures.events
    }

    private mutating func run(_ violation: Violation, _ outcome: Outcome) {
        let plan = Plan(seed: seed, only: best)
        best.faults = Set(plan.faults)
        best.operations = Set(plan.operations.map(\.number))
        shortenTime(min(violation.time, plan.horizon).wholeMilliseconds + 1)
        for kind in plan.faults { attempt { $0.faults?.remove(kind) } }
        shrinkOperations()
        for count in 1..<max(2, plan.nodeCount) where best.nodes == nil { attempt { $0.nodes = count } }
        for kind in (best.faults ?? []).sorted(by: { $0.rawValue < $1.rawValue }) {
            attempt { $0.faults?.remove(kind) }
        }
        var milliseconds = best.milliseconds ?? plan.horizon.wholeMilliseconds
        while milliseconds > 100, attempt({ $0.milliseconds = milliseconds * 2 / 3 }) {
            milliseconds = milliseconds * 2 / 3
        }
    }

    private mutating func shortenTime(_ milliseconds: Int64) { attempt { $0.milliseconds = milliseconds } }

    /// Leaves out halves, quarters, ... of the operations (delta debugging).
    private mutating func shrinkOperations() {
        var size = max(1, (best.operations?.count ?? 0) / 2)
        while true {
            let numbers = (best.operations ?? []).sorted()
            var start = 0
            while start < numbers.count {
                let chunk = numbers[start..<min(start + size, numbers.count)]
                attempt { $0.operations?.subtract(chunk) }
                start += size
            }
            if size == 1 { return }
            size = max(1, size / 2)
        }
    }

    /// Tries a smaller part; keeps it when the same promise is broken by no more events than before.
    @discardableResult private mutating func attempt(_ change: (inout Selection) -> Void) -> Bool {
        guard tries < limit else { return false }
        var candidate = best
        change(&candidate)
        guard candidate != best else { return false }
        tries += 1
        let outcome = Simulation.run(Plan(seed: seed, only: candidate), sabotage: sabotage)
        guard outcome.violation?.number == number, outcome.figures.events <= length else { return false }
        best = candidate
        length = outcome.figures.events
        return true
    }
}
