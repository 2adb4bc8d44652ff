import Model

/// One simulated cluster: the production control plane, agents on simulated machines, users and watchers, and everything that goes
/// wrong between them. Time, chance and order come from here and nowhere else.
///
/// `@unchecked Sendable`: a simulation has one thread; closures that production code may call from any thread are called on it.
final class World: @unchecked Sendable {
    let plan: Plan
    let sabotage: Sabotage?
    private(set) var now = TimeSpan.zero
    private var queue = EventQueue()
    private(set) var trace: Trace
    /// What is drawn of faults; separate streams for separate parts.
    private var streams: [String: SeededRandom] = [:]
    /// Whether faults still happen.
    private(set) var isFaulty = true
    /// How far the server's wall clock is from the true one, by clock jumps.
    private(set) var serverOffset = TimeSpan.zero
    let history: History
    let checks: Checks
    private(set) lazy var server = Server(self)
    private(set) lazy var machines = (0..<plan.nodeCount).map { Machine(self, index: $0) }
    private(set) lazy var watchers = WatchClient.all(in: self)
    private(set) lazy var users = Users(self)

    private var steps = 0

    /// After how many steps a simulation is taken to go round in circles: a hundred times as many as any needs.
    private static let maximumSteps = 5_000_000

    /// When simulations begin, by the wall clock.
    static let epoch = Timestamp(seconds: 1_900_000_000)

    init(_ plan: Plan, sabotage: Sabotage? = nil, keepsTrace: Bool = false, checkers: [any Checker]? = nil) {
        self.plan = plan
        self.sabotage = sabotage
        trace = Trace(isKept: keepsTrace)
        history = History()
        checks = Checks(checkers ?? allCheckers())
    }

    // MARK: - Time and chance

    /// The server's wall clock.
    var wall: Timestamp { Self.epoch + now + serverOffset }

    /// Has something happen after a while.
    func after(_ delay: TimeSpan, _ body: @escaping () -> Void) { queue.add(at: now + max(.zero, delay), body) }

    /// Adds an event to the trace.
    func note(_ kind: String, _ text: @autoclosure () -> String = "") { trace.note(now, kind, text()) }

    /// Draws from a stream.
    func draw<Result>(_ stream: String, _ body: (inout SeededRandom) -> Result) -> Result {
        var random = streams[stream] ?? SeededRandom(seed: plan.seed, stream: stream)
        defer { streams[stream] = random }
        return body(&random)
    }

    /// The strength of a fault: its value for this seed, and 0 once faults have stopped.
    func strength(_ kind: FaultKind) -> Int { isFaulty ? plan.strength(kind) : 0 }

    /// Whether a fault that happens in so many of a thousand cases happens now.
    func happens(_ kind: FaultKind, _ stream: String) -> Bool {
        let permille = strength(kind)
        return permille > 0 && draw(stream) { $0.chance(permille) }
    }

    /// Has something happen again and again, at a mean distance in seconds that is the strength of a fault.
    func repeatedly(_ kind: FaultKind, _ stream: String, _ body: @escaping () -> Void) {
        let mean = plan.strength(kind)
        guard mean > 0 else { return }
        after(draw(stream) { $0.span(mean: .seconds(Int64(mean))) }) { [unowned self] in
            guard isFaulty else { return }
            body()
            repeatedly(kind, stream, body)
        }
    }

    // MARK: - Running

    /// Does everything that is due up to a moment, unless a checker objects before.
    func run(until end: TimeSpan) {
        while checks.violation == nil, let time = queue.nextTime, time <= end, let event = queue.take() {
            now = max(now, event.time)
            event.body()
            steps += 1
            if steps > Self.maximumSteps {
                checks.fail(4, "desired becomes observed", "\(steps) things were done, and more are due", now)
            }
        }
        if checks.violation == nil { now = max(now, end) }
    }

    /// Brings everything up.
    func begin() {
        server.start()
        for machine in machines { machine.begin() }
        for watcher in watchers { watcher.begin() }
        users.begin()
        repeatedly(.clockJump, "clock") { [unowned self] in
            let jump = draw("clock") { random in
                random.pick([TimeSpan.hours(24), .hours(1), .seconds(30), .seconds(1)])
                    * (random.below(2) == 0 ? 1 : -1)
            }
            let index = draw("clock") { $0.below(machines.count + 1) }
            if index < machines.count {
                machines[index].wallOffset = machines[index].wallOffset + jump
            } else {
                serverOffset = serverOffset + jump
            }
            note("clock", "of \(index < machines.count ? machines[index].name : "server") jumps by \(jump)")
            server.wake()
        }
    }

    /// Stops every fault, and brings back what is down.
    func heal() {
        isFaulty = false
        note("heal")
        server.heal()
        for machine in machines { machine.heal() }
        users.repair()
    }

    /// Lets go of everything, while all of it is still there.
    func end() {
        server.shutDown()
        queue = EventQueue()
    }

    /// Tells the checkers.
    func observe(_ observation: Observation) { checks.observe(observation, at: now, history) }
}
