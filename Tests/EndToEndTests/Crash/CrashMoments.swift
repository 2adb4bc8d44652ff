import Glibc
import Linux
import Threads

/// Kills processes at random moments while a story is played.
struct CrashMoments {
    let run: CrashRun
    private var random: SplitMix

    init(_ run: CrashRun, seed: UInt64) { (self.run, random) = (run, SplitMix(state: seed)) }

    enum Victim: String, CaseIterable {
        case server, supervisor, helper
    }

    /// Plays one story; returns what was done, for the reader.
    mutating func perform() throws -> String {
        let victim = Victim.allCases[Int(random.next() % 3)]
        let story = victim == .helper && random.next() % 2 == 0 ? CrashStory.image : .life
        let moment = Int32(random.next() % 5000)
        let choice = Int(random.next() % 1000)
        run.keepsReady = random.next() % 2 == 0
        run.supervisorsDie = victim != .server
        try run.cluster.stop(SIGKILL)
        try run.start(armed: "")
        let witnesses = Set(try run.pods("witness").map(\.uid))
        let killer = Killer(
            run.cluster, victim, choice: choice, server: run.cluster.server?.pid ?? 0, sparing: witnesses)
        let thread = try Thread { killer.kill(after: moment) }
        defer { thread.join() }
        try run.play(story)
        try run.check()
        return "\(victim) after \(moment) ms of \(story.rawValue)\(run.keepsReady ? ", with sandboxes ready" : "")"
    }
}

/// Kills one process, from a thread of its own.
private struct Killer: Sendable {
    let cluster: Cluster
    let victim: CrashMoments.Victim
    let choice: Int
    let server: Int32
    let sparing: Set<String>

    init(_ cluster: Cluster, _ victim: CrashMoments.Victim, choice: Int, server: Int32, sparing: Set<String>) {
        (self.cluster, self.victim, self.choice, self.server, self.sparing) = (cluster, victim, choice, server, sparing)
    }

    func kill(after milliseconds: Int32) {
        _ = awaitReadable(-1, milliseconds: milliseconds)
        // There may be none just now: the next one is taken.
        for _ in 0..<100 {
            let candidates = candidates()
            if !candidates.isEmpty {
                Glibc.kill(candidates[choice % candidates.count], SIGKILL)
                return
            }
            _ = awaitReadable(-1, milliseconds: 10)
        }
    }

    private func candidates() -> [Int32] {
        if victim == .server { return [server] }
        let supervisors = cluster.supervisors.filter { pid in
            let line = (try? readText("/proc/\(pid)/cmdline")) ?? ""
            return !sparing.contains { line.contains($0) }
        }
        if victim == .supervisor { return supervisors }
        // Processes that unpack, that are being launched, containers and commands in them.
        return ([server] + supervisors).flatMap(cluster.children).sorted().filter { !cluster.supervisors.contains($0) }
    }
}

/// A sequence of numbers that a seed decides (Steele, Lea, Flood 2014).
struct SplitMix {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var word = state
        word = (word ^ word >> 30) &* 0xBF58_476D_1CE4_E5B9
        word = (word ^ word >> 27) &* 0x94D0_49BB_1331_11EB
        return word ^ word >> 31
    }
}
