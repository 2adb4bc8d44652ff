import Glibc
import Linux
import TestSupport
import Threads

/// Kills processes at random moments while a story is played.
struct CrashMoments {
    let run: CrashRun
    private var random: SplitMix64

    init(_ run: CrashRun, seed: UInt64) { (self.run, random) = (run, SplitMix64(seed: seed)) }

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
        let witnesses = Set(try run.pods("witness").compactMap { run.cluster.supervisor(of: $0.uid) })
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
    let sparing: Set<Int32>

    init(_ cluster: Cluster, _ victim: CrashMoments.Victim, choice: Int, server: Int32, sparing: Set<Int32>) {
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
        let owners = Set(cluster.supervisors).subtracting(sparing)
        let supervisors = owners.union(cluster.parked).sorted()
        if victim == .supervisor { return supervisors }
        // Processes that unpack, that are being launched, containers and commands in them.
        return ([server] + supervisors).flatMap(cluster.children).sorted().filter {
            !owners.contains($0) && !sparing.contains($0) && !cluster.parked.contains($0)
        }
    }
}
