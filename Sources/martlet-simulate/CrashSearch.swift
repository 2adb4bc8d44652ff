import Simulation

/// Kills the server before and after every write of one seed, in turn, with no other fault.
enum CrashSearch {
    /// Runs the search; false when a run failed.
    static func run(seed: UInt64) -> Bool {
        var selection = Selection("faults=") ?? Selection()
        selection.milliseconds = 60_000
        selection.nodes = 2
        let plan = Plan(seed: seed, only: selection)
        let writes = Simulation.run(plan).figures.commits
        for number in 1...max(1, writes) {
            for point in [CrashPoint.before(number), .after(number)] {
                var crashing = plan
                crashing.crash = point
                guard let violation = Simulation.run(crashing).violation else { continue }
                print("seed \(seed), killed \(point): FAILS: \(violation)")
                return false
            }
        }
        print("seed \(seed): killed before and after each of \(writes) writes, \(2 * writes) runs")
        return true
    }
}
