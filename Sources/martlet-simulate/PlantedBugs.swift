import Simulation

/// Plants every bug in turn, and sees that its checker finds it, and no other checker before.
enum PlantedBugs {
    /// Plants the bugs; false when one was not found within so many seeds, or by another checker first.
    static func run(from first: UInt64, within count: UInt64 = 20) -> Bool {
        // All of them are tried, whatever the first ones come to.
        Sabotage.allCases.map { find($0, from: first, within: count) }.allSatisfy { $0 }
    }

    private static func find(_ bug: Sabotage, from first: UInt64, within count: UInt64) -> Bool {
        for seed in first..<first + count {
            guard let violation = Simulation.run(Plan(seed: seed, only: .short), sabotage: bug).violation else {
                continue
            }
            let isRight = bug.numbers.contains(violation.number)
            print("\(bug.rawValue): \(isRight ? "found" : "FAILS, found by another"), seed \(seed): \(violation)")
            return isRight
        }
        print("\(bug.rawValue): FAILS, not found in \(count) seeds")
        return false
    }
}
