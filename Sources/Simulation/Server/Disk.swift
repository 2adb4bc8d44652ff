import Model
import Store

/// The server's disk: what is durable outlives the process. Where the store's SQLite file would be.
///
/// `@unchecked Sendable`: a simulation has one thread.
final class Disk: Journal, @unchecked Sendable {
    private unowned let world: World
    /// What a restart finds.
    private(set) var durable: [StoreCommit] = []
    /// Commits that are said to be durable and are not: only a disk that lies has some.
    private var lost = 0
    private var isFull = false
    private(set) var writes = 0
    /// Which process may write; one that is dead may not.
    private var owner = 0

    init(_ world: World) { self.world = world }

    /// Hands the disk to a process that starts, with what it finds.
    func open(by owner: Int) -> [StoreCommit] {
        self.owner = owner
        if lost > 0 { durable.removeLast(lost) }
        lost = 0
        return durable
    }

    /// Has the disk fill up, and empty again.
    func fillUp() {
        isFull = true
        world.note("disk", "is full")
        world.after(world.draw("disk") { $0.span(.seconds(1)...(.seconds(30))) }) { [unowned self] in
            isFull = false
            world.note("disk", "has room again")
        }
    }

    package func append(_ commits: [StoreCommit], forgetting: [StoreCommit]) throws(StoreError) {
        guard !commits.isEmpty else { return }
        guard world.server.isRunning(owner) else { throw .failed("the process is dead") }
        writes += 1
        if isFull, world.isFaulty { throw .full("no space left on the simulated disk") }
        if world.plan.crash == .before(writes) || world.happens(.crashBefore, "disk") {
            world.server.crash("before write \(writes)")
            throw .failed("the process is dead")
        }
        if world.happens(.syncFailure, "disk") { return try failSync(commits) }
        keep(commits)
        if world.plan.crash == .after(writes) || world.happens(.crashAfter, "disk") {
            world.server.crash("after write \(writes)")
            throw .failed("the process is dead")
        }
    }

    private func failSync(_ commits: [StoreCommit]) throws(StoreError) {
        let isKept = world.draw("disk") { $0.below(2) == 0 }
        world.note("disk", "fsync fails; \(isKept ? "all" : "nothing") is there")
        if isKept { keep(commits) }
        throw .failed("the simulated fsync failed")
    }

    private func keep(_ commits: [StoreCommit]) {
        durable += commits
        if world.sabotage == .lyingDisk { lost = min(lost + commits.count, 3) }
        for commit in commits {
            world.history.add(commit)
            world.note("commit", Self.text(commit))
            world.observe(.committed(commit))
        }
    }

    /// The commit with the hash of what it writes.
    private static func text(_ commit: StoreCommit) -> String {
        let events = commit.events.map { event in
            let hash = event.object.bytes.reduce(UInt64(0xcbf2_9ce4_8422_2325)) {
                ($0 ^ UInt64($1)) &* 0x0000_0100_0000_01b3
            }
            let sign = event.change == .added ? "+" : event.change == .deleted ? "-" : "~"
            return "\(sign)\(event.object.key) \(String(hash, radix: 36))"
        }
        return "\(commit.revision): \(events.joined(separator: ", "))"
    }

    package func tidy() throws(StoreError) {}

    package func close() {}
}
