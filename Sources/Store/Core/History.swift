/// The latest commits, one a revision without a gap, for watches to resume from.
struct History: Sendable {
    /// The last revision that was forgotten: the oldest that one may watch from.
    private(set) var compacted: StoreRevision
    /// The forgotten ones at the front are emptied at once and cut off when they are the greater half, so that both
    /// ends cost constant time.
    private var commits: [StoreCommit] = []
    private var forgotten = 0

    /// An empty history that begins after a revision.
    init(compacted: StoreRevision = 0) { self.compacted = compacted }

    /// How many commits are kept.
    var count: Int { commits.count - forgotten }

    /// The revision of the last commit; the compacted one where there is none.
    var latest: StoreRevision { compacted + StoreRevision(count) }

    /// Adds the commit that follows the latest.
    mutating func append(_ commit: StoreCommit) {
        assert(commit.revision == latest + 1, "revision \(commit.revision) does not follow \(latest)")
        commits.append(commit)
    }

    /// The commits after a revision that is not older than the compacted one.
    func commits(after revision: StoreRevision) -> [StoreCommit] {
        guard revision < latest else { return [] }
        return Array(commits[(forgotten + Int(revision - compacted))...])
    }

    /// Forgets the commits up to a revision and returns them.
    mutating func forget(upTo revision: StoreRevision) -> [StoreCommit] {
        guard revision > compacted else { return [] }
        let gone = Int(min(revision, latest) - compacted)
        let range = forgotten..<forgotten + gone
        let released = Array(commits[range])
        for index in range { commits[index] = StoreCommit(revision: commits[index].revision, events: []) }
        forgotten += gone
        compacted += StoreRevision(gone)
        if forgotten > commits.count / 2 {
            commits.removeFirst(forgotten)
            forgotten = 0
        }
        return released
    }
}
