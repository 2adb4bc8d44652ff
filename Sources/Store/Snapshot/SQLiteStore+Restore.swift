extension SQLiteStore {
    /// Makes a store's file from a snapshot: the same objects with the same revisions, and no history before it.
    ///
    /// - Parameter path: a file that is not there yet, in a folder that is.
    public static func make(_ path: String, from snapshot: StoreSnapshot) throws(StoreError) {
        let journal = try SQLiteJournal(path: path, options: StoreOptions())
        defer { journal.close() }
        let content = try journal.load()
        guard content.revision == 0 else { throw .corrupt("database \(path) is not empty") }
        let end = StoreCommit(revision: snapshot.revision, events: [])
        let objects = snapshot.objects.sorted { $0.position < $1.position }
        let commits = objects.map { object in
            StoreCommit(
                revision: object.revision, events: [StoreEvent(change: .added, object: object, previous: nil)])
        }
        try journal.append(commits + [end], forgetting: [end])
    }
}
