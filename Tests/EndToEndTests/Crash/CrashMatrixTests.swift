import Failpoints
import Glibc
import Linux
import Testing

/// Kills every kind of process at every failpoint, and at random moments, on the real kernel; `hack/crash` runs all of it.
/// See docs/testing.md.
@Suite(.enabled(if: geteuid() == 0, "launching containers needs root"), .timeLimit(.minutes(59)))
struct CrashMatrix {
    @Test(arguments: 0..<CrashPlan.fromEnvironment.jobs)
    func `wherever a process is killed, nothing is lost and nothing is left`(job: Int) throws {
        let plan = CrashPlan.fromEnvironment
        let crashes = try CrashRun()
        let result = Result { try CrashMatrixRun(crashes, plan, job: job).perform() }
        let left = try crashes.cluster.cleanUp()
        #expect(left.isEmpty, "nothing is left on the machine: \(left)")
        for failure in try result.get() { Issue.record("\(failure)") }
    }
}

/// What is to be run.
struct CrashPlan {
    /// Only cases whose name contains this.
    var only: String?
    /// How many random moments, and the number that decides them.
    var moments = 0
    var seed: UInt64 = 1
    /// Run one case in so many; nil for a sample, the same every time: of each kind of process one death in each story.
    var share: Int?
    /// So many processes of the matrix at the same time.
    var jobs = 1

    static let fromEnvironment: CrashPlan = {
        func value(_ name: String) -> String? { getenv("MARTLET_CRASH_\(name)").map { String(cString: $0) } }
        var plan = CrashPlan()
        plan.only = value("ONLY")
        plan.share = value("SHARE").flatMap { Int($0) }
        plan.moments = value("RANDOM").flatMap { Int($0) } ?? plan.moments
        plan.seed = value("SEED").flatMap { UInt64($0) } ?? plan.seed
        plan.jobs = value("JOBS").flatMap { Int($0) } ?? plan.jobs
        return plan
    }()

    /// Which of some cases a job runs.
    func choose(_ cases: Set<CrashCase>, job: Int) -> [CrashCase] {
        guard only != nil || share != nil else {
            let families = Dictionary(grouping: cases, by: \.family).values
            return families.compactMap { $0.min { ($0.hash, $0) < ($1.hash, $1) } }.sorted()
        }
        return cases.filter { includes($0, job: job) }.sorted()
    }

    func includes(_ crash: CrashCase, job: Int) -> Bool {
        guard Int(crash.hash / 16) % jobs == job else { return false }
        if let only { return crash.description.contains(only) }
        return share.map { Int(crash.hash) % $0 == 0 } ?? false
    }
}

private struct CrashMatrixRun {
    let run: CrashRun
    let plan: CrashPlan
    let job: Int

    init(_ run: CrashRun, _ plan: CrashPlan, job: Int) { (self.run, self.plan, self.job) = (run, plan, job) }

    /// Runs the cases that are planned; returns what failed.
    func perform() throws -> [CrashProblem] {
        var problems: [CrashProblem] = []
        let births = CrashCase.all(of: .birth, try record(.birth), run)
        performAll(births, &problems)
        try run.forgetEverything()
        run.keepsReady = true
        try run.cluster.start()
        try run.prepare()
        var cases: Set<CrashCase> = []
        var reached = Set(births.map(\.site))
        for story in CrashStory.allCases where story != .birth {
            let trace = try record(story)
            reached.formUnion(trace.map(\.kind))
            // What an earlier story has come to is not repeated in a later one.
            let known = Set(cases.map(\.place))
            cases.formUnion(CrashCase.all(of: story, trace, run).filter { !known.contains($0.place) })
        }
        problems += Failpoint.allCases.filter { !reached.contains($0.rawValue) }.map {
            CrashProblem("no story comes to the failpoint \($0.rawValue)")
        }
        performAll(cases, &problems)
        for kind in CrashSteps.Kind.allCases where plan.includes(CrashCase(.life, kind.rawValue), job: job) {
            attempt(kind.rawValue, again: "--only '\(kind.rawValue)'", &problems) {
                "\(try CrashSteps(run: run).perform(kind)) steps"
            }
        }
        for number in 0..<plan.moments where number % plan.jobs == job {
            let seed = plan.seed + UInt64(number)
            var moments = CrashMoments(run, seed: seed)
            attempt("seed \(seed)", again: "--only none --random 1 --seed \(seed)", &problems) { try moments.perform() }
        }
        say("\(problems.count) problems")
        return problems
    }

    private func performAll(_ cases: Set<CrashCase>, _ problems: inout [CrashProblem]) {
        let planned = plan.choose(cases, job: job)
        say("\(planned.count) of \(cases.count) cases")
        for crash in planned {
            attempt("\(crash)", again: "--only '\(crash)'", &problems) {
                try perform(crash)
                return ""
            }
        }
    }

    private func attempt(
        _ name: String, again: String, _ problems: inout [CrashProblem], _ body: () throws -> String
    ) {
        let start = ContinuousClock.now
        func seconds() -> String { "\((ContinuousClock.now - start).components.seconds) s" }
        do {
            say("ok    \(name)  \(try body())  \(seconds())")
        } catch {
            say("FAIL  \(name)  \(seconds())\n\(error)")
            problems.append(CrashProblem("\(name): \(error)\nagain: hack/crash \(again)"))
            // In the story of the first start there is nothing yet that went wrong with it.
            if run.witnesses.isEmpty { return }
            do { try run.reset() } catch { problems.append(CrashProblem("after \(name): \(error)")) }
        }
    }

    private func say(_ text: String) {
        let line = Array("crash \(job): \(text)\n".utf8)
        _ = write(STDOUT_FILENO, line, line.count)
    }

    /// Plays a story without a death and returns its trace.
    private func record(_ story: CrashStory) throws -> [PassedPlace] {
        let start = ContinuousClock.now
        try setTheStage(for: story)
        try play(story, armed: "")
        say("recorded \(story)  \((ContinuousClock.now - start).components.seconds) s")
        return PassedPlace.read(run.trace)
    }

    private func perform(_ crash: CrashCase) throws {
        run.supervisorsDie = crash.target.hasPrefix("supervisor/")
        run.forgetTrace()
        let before = run.deaths
        // What rests on moments of idleness or on who is first may not come about every time.
        for _ in 1...3 where !run.hasFired {
            try setTheStage(for: crash.story)
            try play(crash.story, armed: crash.target)
        }
        guard run.hasFired else { throw CrashProblem("no process came to the place") }
        guard (run.deaths > before) == crash.target.hasPrefix("up/") else { throw CrashProblem("another process died") }
    }

    private func play(_ story: CrashStory, armed target: String) throws {
        if story == .restore { return try run.restore(armed: target) }
        try run.start(armed: target)
        try run.play(story)
        try run.check()
    }

    private func setTheStage(for story: CrashStory) throws {
        try run.cluster.stop(SIGKILL)
        run.keepsReady = story == .ready
        // What a server kept ready the next one removes: in that story always, in the others never.
        if run.keepsReady || run.hasParked {
            try run.cluster.start()
            if run.keepsReady { try run.awaitParked() }
            try run.cluster.stop(SIGKILL)
        }
        if story == .birth { try run.forgetEverything() }
        guard story == .trouble else { return }
        // A bridge is only made when there is none.
        let output = try run.cluster.run(["ip", "link", "delete", "mlt-\(run.cluster.mark)"])
        guard output.code == 0 else { throw CrashProblem("\(output)") }
    }
}
