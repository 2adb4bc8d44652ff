public import Model
import Store

/// How one simulation went.
public struct Outcome: Sendable {
    /// The seed.
    public let seed: UInt64
    /// The promise that was not kept, if any.
    public let violation: Violation?
    /// A hash of everything that happened.
    public let hash: UInt64
    /// The events as text, where they were kept.
    public let lines: [String]
    /// What the simulation amounted to.
    public let figures: Figures
    /// The faults that could happen.
    public let faults: [FaultKind]
}

/// What simulations amounted to.
public struct Figures: Sendable, Hashable {
    /// Events: what happened on the simulated clock.
    public var events = 0
    /// Things that were put before the checkers.
    public var checks = 0
    /// Commits.
    public var commits = 0
    /// Times that the server was started.
    public var starts = 0
    /// Simulated time.
    public var simulated = TimeSpan.zero

    /// Nothing.
    public init() {}

    /// Adds two.
    public static func + (left: Figures, right: Figures) -> Figures {
        var sum = left
        sum.events += right.events
        sum.checks += right.checks
        sum.commits += right.commits
        sum.starts += right.starts
        sum.simulated = left.simulated + right.simulated
        return sum
    }
}

/// Runs a seed: first with faults, when only safety is promised, then without, when the cluster must come to rest and stay there.
public struct Simulation {
    /// How long a cluster may take to come to rest once nothing goes wrong any more: back-offs reach a minute, and everything is looked at
    /// anew every five.
    static let bound = TimeSpan.minutes(20)
    /// How long what is at rest is left alone before its writes count: deadlines of rollouts pass.
    static let settling = TimeSpan.minutes(12)
    /// How long it must then write nothing.
    static let idle = TimeSpan.hours(1)

    private let world: World

    /// Runs a seed.
    ///
    /// - Parameters:
    ///   - plan: what the seed decides.
    ///   - sabotage: a bug to plant.
    ///   - keepsTrace: whether the events are kept as text.
    public static func run(_ plan: Plan, sabotage: Sabotage? = nil, keepsTrace: Bool = false) -> Outcome {
        let simulation = Simulation(world: World(plan, sabotage: sabotage, keepsTrace: keepsTrace))
        simulation.run()
        let outcome = simulation.outcome
        simulation.world.end()
        return outcome
    }

    private func run() {
        world.begin()
        world.run(until: world.plan.horizon)
        world.heal()
        let end = world.now + Self.bound
        var reasons = ["it was not looked at"]
        while world.now < end, world.checks.violation == nil {
            world.run(until: world.now + .seconds(5))
            reasons = Convergence.reasons(world)
            if reasons.isEmpty, LedgerChecker().finish(world) == nil { break }
        }
        guard world.checks.violation == nil else { return }
        guard reasons.isEmpty else {
            let text = reasons.prefix(3).joined(separator: "; ")
            return world.checks.fail(
                4, "desired becomes observed", "\(reasons.count) things after \(Self.bound): \(text)", world.now)
        }
        if let remains = LedgerChecker().finish(world) {
            return world.checks.fail(22, LedgerChecker().name, remains, world.now)
        }
        world.note("rest", "after \(world.now - world.plan.horizon)")
        rest()
    }

    private func rest() {
        world.run(until: world.now + Self.settling)
        let revision = world.history.revision
        world.run(until: world.now + Self.idle)
        guard world.checks.violation == nil else { return }
        let writes = world.history.commits[Int(revision)...].filter { commit in
            // Events grow old and go.
            !commit.events.allSatisfy { $0.change == .deleted && $0.object.key.type == .event }
        }
        if let first = writes.first {
            let keys = first.events.map(\.object.key.description).joined(separator: ", ")
            return world.checks.fail(
                5, "an idle cluster writes nothing", "\(writes.count) writes in \(Self.idle), first of \(keys)",
                world.now)
        }
        let reasons = Convergence.reasons(world)
        if let first = reasons.first {
            return world.checks.fail(4, "desired becomes observed", "it did not stay: \(first)", world.now)
        }
        world.checks.finish(world)
    }

    private var outcome: Outcome {
        var figures = Figures()
        figures.events = world.trace.count
        figures.checks = world.checks.count
        figures.commits = world.history.commits.count
        figures.starts = world.server.starts
        figures.simulated = world.now
        return Outcome(
            seed: world.plan.seed, violation: world.checks.violation, hash: world.trace.hash, lines: world.trace.lines,
            figures: figures, faults: world.plan.faults)
    }
}
