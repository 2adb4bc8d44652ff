/// What readers and watchers see: nothing gets here before it is durable.
struct Published: Sendable {
    var index = ObjectIndex()
    var revision: StoreRevision = 0
    var history = History()
    /// In the order of registration, so that deliveries have one order.
    var watchers: [Watcher] = []
    /// Forgotten commits whose space on the disk is not given back yet, oldest first.
    var debt: [StoreCommit] = []
    var isClosed = false

    /// What an empty store has.
    init() {}

    /// What commits come to, from the first one on.
    init(recovering commits: [StoreCommit], historyLimit: Int) {
        for commit in commits {
            for event in commit.events {
                if event.change == .deleted { index.remove(event.object.key) } else { index.put(event.object) }
            }
            history.append(commit)
        }
        revision = history.latest
        _ = history.forget(upTo: StoreRevision(max(commits.count - historyLimit, 0)))
    }

    /// Takes over what became durable and tells the watchers' mailboxes.
    ///
    /// - Returns: the watchers that something waits for now, and what is to be released outside of the lock.
    mutating func take(_ staging: Staging, _ commits: [StoreCommit], historyLimit: Int) -> (
        watchers: [Watcher], released: (ObjectIndex, [StoreCommit])
    ) {
        let old = index
        index = staging.index
        revision = staging.revision
        for commit in commits { history.append(commit) }
        let excess = max(history.count - historyLimit, 0)
        let forgotten = history.forget(upTo: history.compacted + StoreRevision(excess))
        debt += forgotten
        return (watchers.filter { tell(commits, to: $0) }, (old, forgotten))
    }

    /// How far a watcher without events of its own may fall behind the store's revision while writes never pause.
    private static let progressStep: StoreRevision = 1000

    private func tell(_ commits: [StoreCommit], to watcher: Watcher) -> Bool {
        var hasMail = false
        for commit in commits where watcher.put(commit, oldest: history.compacted) { hasMail = true }
        return watcher.putProgress(revision, step: Self.progressStep) || hasMail
    }
}
