import Model
import Testing

@testable import Simulation

/// A seed made short enough for a test; again by `hack/simulate --seeds 1 --from SEED --only 'nodes=2;within=40'`.
private func short(_ seed: UInt64, faults: Set<FaultKind>? = nil) -> Plan {
    var selection = Selection.short
    selection.faults = faults
    return Plan(seed: seed, only: selection)
}

/// Where to begin to look for a planted bug that the first seeds do not meet: to simulate one for nothing takes long.
private let firstSeeds: [Sabotage: UInt64] = [
    .staleAnswers: 2, .leakedVolumes: 3, .countingPatches: 19, .boundlessWatches: 2, .earlyRelease: 2,
]

@Suite("Simulation", .timeLimit(.minutes(10)))
struct SimulationTests {
    @Test("a cluster keeps its promises whatever goes wrong", arguments: UInt64(1)...6)
    func promises(_ seed: UInt64) {
        let outcome = Simulation.run(short(seed))
        #expect(
            outcome.violation == nil, "hack/simulate --seeds 1 --from \(seed) --only '\(Selection.short.text)' --trace")
        #expect(outcome.figures.commits > 10, "a simulation in which nothing happens proves nothing")
    }

    @Test("the same seed makes the same events")
    func sameTwice() {
        let runs = (0..<2).map { _ in Simulation.run(short(3), keepsTrace: true) }
        #expect(runs[0].hash == runs[1].hash)
        #expect(runs[0].lines == runs[1].lines)
    }

    @Test("every planted bug is found by the checker that is there for it", arguments: Sabotage.allCases)
    func sabotage(_ bug: Sabotage) {
        let first = firstSeeds[bug] ?? 1
        for seed in first...first + 5 {
            guard let violation = Simulation.run(short(seed), sabotage: bug).violation else { continue }
            #expect(bug.numbers.contains(violation.number), "seed \(seed): \(violation)")
            return
        }
        Issue.record("\(bug.rawValue) was not found by \(bug.numbers) in six seeds from \(first) on")
    }

    @Test("a failure is made smaller, and what is left fails the same way every time")
    func shrinking() throws {
        let bug = Sabotage.earlyRelease
        let outcome = try #require(
            (1...20 as ClosedRange<UInt64>).lazy.map { Simulation.run(short($0), sabotage: bug) }
                .first { $0.violation?.number == 47 })
        let (selection, tries) = Shrinker.shrink(outcome, only: .short, sabotage: bug, limit: 10)
        #expect(tries > 0)
        let read = try #require(Selection(selection.text))
        #expect(read == selection)
        let again = (0..<2).map { _ in Simulation.run(Plan(seed: outcome.seed, only: read), sabotage: bug) }
        #expect(again.allSatisfy { $0.violation?.number == 47 })
        #expect(again[0].hash == again[1].hash)
        #expect(again[0].figures.events <= outcome.figures.events)
    }

    @Test("the server may be killed before and after any write", arguments: [1, 4, 9])
    func everyWrite(_ number: Int) {
        for point in [CrashPoint.before(number), .after(number)] {
            var plan = short(7, faults: [])
            plan.crash = point
            #expect(Simulation.run(plan).violation == nil)
        }
    }
}

@Suite("Simulation parts", .timeLimit(.minutes(10)))
struct SimulationPartTests {
    @Test("events come by time, and in the order of asking where the time is the same")
    func queue() {
        var queue = EventQueue()
        var order: [Int] = []
        for (index, time) in [5, 1, 5, 3, 1, 5].enumerated() {
            queue.add(at: .seconds(Int64(time))) { order.append(index) }
        }
        while let event = queue.take() { event.body() }
        #expect(order == [1, 4, 3, 0, 2, 5])
    }

    @Test("chance follows from seed and stream, and streams are apart")
    func chance() {
        func numbers(_ seed: UInt64, _ stream: String) -> [UInt64] {
            var random = SeededRandom(seed: seed, stream: stream)
            return (0..<8).map { _ in random.next() }
        }
        #expect(numbers(1, "a") == numbers(1, "a"))
        #expect(Set(numbers(1, "a") + numbers(2, "a") + numbers(1, "b")).count == 24)
    }

    @Test("every fault has a row, and every row a way to be off")
    func table() {
        #expect(FaultTable.rows.map(\.kind) == FaultKind.allCases)
        #expect(FaultTable.rows.allSatisfy { $0.values.contains(0) && $0.values.contains { $0 > 0 } })
    }

    @Test("every checker has a planted bug")
    func coverage() {
        let planted = Set(Sabotage.allCases.flatMap(\.numbers))
        #expect(Set(allCheckers().map(\.number)).union([4, 5]) == planted)
    }

    @Test(
        "a selection is written as it is read",
        arguments: [
            "", "faults=", "faults=late,reboot", "operations=1,4", "nodes=3", "faults=late;nodes=2;milliseconds=9",
            "nodes=2;within=40",
        ])
    func selection(_ text: String) { #expect(Selection(text)?.text == text) }

    @Test(
        "a selection that makes no sense is refused",
        arguments: ["x", "faults=none-such", "nodes=0", "within=x", "operations=a"])
    func badSelection(_ text: String) { #expect(Selection(text) == nil) }
}
