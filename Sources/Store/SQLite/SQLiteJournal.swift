import CSQLite
import Failpoints
import Glibc
import Model

/// The durable side of `SQLiteStore`: a log of object versions in one SQLite file.
///
/// `@unchecked Sendable`: the opening thread makes it and hands it to the writer's thread, which alone uses it then.
final class SQLiteJournal: Journal, @unchecked Sendable {
    let path: String
    let connection: Connection
    private var statements: Statements?
    /// The number of each type in the file.
    var typeNumbers: [ResourceType: Int64] = [:]
    /// What the file's checksums are made with.
    var checksums = Checksum.TypePart.name
    /// The rows of the file and up to where they reach, as of the last commit.
    var mark = Mark(revision: 0, compacted: 0, rows: RowSet())
    let markFile: MarkFile
    private let walLimit: Int
    private var isHealthy = true
    private let keepsReserve: Bool
    /// Looked for with the first write: a store that is only read keeps none.
    private lazy var reserve = keepsReserve ? DiskReserve(database: path) : nil

    private struct Statements {
        let insert, delete, compact, type, begin, commit, rollback: Statement
    }

    /// Opens the file, takes its lock, checks it and makes or verifies the schema.
    init(path: String, options: StoreOptions) throws(StoreError) {
        self.path = path
        walLimit = options.walLimit
        // A disk that tests simulate has no room of its own, and a limit leaves none beside it.
        keepsReserve = options.vfs == nil && options.sizeLimit == nil
        markFile = MarkFile(ofDatabase: path)
        do throws(SQLiteFailure) { try Self.refuseRemains(path) } catch { throw Self.refusal(error, opening: path) }
        Self.makePrivate(path)
        do throws(SQLiteFailure) {
            connection = try Connection(path: path, vfs: options.vfs)
        } catch { throw Self.refusal(error, opening: path) }
        do throws(SQLiteFailure) {
            try approach()
            try verify()
            try configure(options)
            try prepareSchema()
            try prepareStatements()
        } catch { throw Self.refusal(error, opening: path) }
    }

    /// Secrets are in the file: only its owner reads it. SQLite gives the WAL the same mode.
    private static func makePrivate(_ path: String) {
        // Only a new file is opened: closing a descriptor of a file that is in use drops its locks (fcntl(2)).
        let descriptor = open(path, O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC, 0o600)
        if descriptor >= 0 { Glibc.close(descriptor) }
    }

    /// Nothing here changes the file, whose owner is not known yet.
    private func approach() throws(SQLiteFailure) {
        // Exclusive before the WAL is read: the lock is held for good, and no shared memory file is made.
        try connection.execute("PRAGMA locking_mode = EXCLUSIVE; PRAGMA cell_size_check = ON")
        try connection.execute("PRAGMA trusted_schema = OFF; PRAGMA temp_store = MEMORY; PRAGMA cache_size = -1024")
    }

    private func configure(_ options: StoreOptions) throws(SQLiteFailure) {
        guard try connection.text("PRAGMA journal_mode = WAL") == "wal" else {
            throw SQLiteFailure(code: SQLITE_CANTOPEN, systemErrno: 0, message: "no write-ahead log can be kept")
        }
        // Not `wal_autocheckpoint`, which would take the place of the connection's own hook.
        try connection.execute("PRAGMA synchronous = FULL")
        try connection.execute("PRAGMA journal_size_limit = 67108864; PRAGMA foreign_keys = ON")
        if let limit = options.sizeLimit {
            let pages = max(limit / (try connection.integer("PRAGMA page_size")), 1)
            try connection.execute("PRAGMA max_page_count = \(pages)")
        }
        // Takes the lock now, not at the first write.
        try connection.execute("BEGIN EXCLUSIVE; COMMIT")
    }

    private func prepareStatements() throws(SQLiteFailure) {
        statements = Statements(
            insert: try connection.prepare(
                "INSERT INTO object_version(position, type, namespace, name, document, checksum) "
                    + "VALUES (?, ?, ?, ?, ?, ?)"),
            delete: try connection.prepare("DELETE FROM object_version WHERE position = ?"),
            compact: try connection.prepare("UPDATE history SET compacted = ?"),
            type: try connection.prepare(
                "INSERT INTO type(api_group, version, kind, plural, namespaced) VALUES (?, ?, ?, ?, ?) RETURNING id"),
            begin: try connection.prepare("BEGIN IMMEDIATE"),
            commit: try connection.prepare("COMMIT"),
            rollback: try connection.prepare("ROLLBACK"))
    }

    func append(_ commits: [StoreCommit], forgetting: [StoreCommit]) throws(StoreError) {
        do throws(StoreError) {
            try write(commits, forgetting: forgetting)
            reserve?.restore()
        } catch {
            // What makes nothing new is allowed on: statuses, and above all deletions.
            guard case .full = error, !commits.contains(where: \.makesObjects), reserve?.release() == true else {
                throw error
            }
            try write(commits, forgetting: forgetting)
        }
    }

    private func write(_ commits: [StoreCommit], forgetting: [StoreCommit]) throws(StoreError) {
        guard let statements else { throw .closed }
        let known = typeNumbers
        let before = mark
        do throws(SQLiteFailure) {
            _ = try statements.begin.step()
            failpoint(.transactionBegun)
            // First, so that what follows finds room in a full file.
            try forget(forgetting, statements)
            for commit in commits { for event in commit.events { try insert(event, statements) } }
            failpoint(.transactionWritten)
            _ = try statements.commit.step()
            failpoint(.transactionCommitted)
            mark.revision = commits.last?.revision ?? mark.revision
            markFile.write(mark)
            failpoint(.markWritten)
        } catch {
            typeNumbers = known
            mark = before
            throw abandon(error, statements)
        }
    }

    private func insert(_ event: StoreEvent, _ statements: Statements) throws(SQLiteFailure) {
        let object = event.object
        let document = event.change == .deleted ? nil : object.bytes
        let type = try number(of: object.key.type, statements)
        try statements.insert.bind(object.position, at: 1)
        try statements.insert.bind(type, at: 2)
        try statements.insert.bind(object.key.namespace, at: 3)
        try statements.insert.bind(object.key.name, at: 4)
        try statements.insert.bind(document, at: 5)
        try statements.insert.bind(Checksum.of(object, number: type, document: document, checksums), at: 6)
        _ = try statements.insert.step()
        mark.rows.insert(object.position)
    }

    /// What a forgotten commit replaced or deleted is of no use to any watch any more.
    private func forget(_ commits: [StoreCommit], _ statements: Statements) throws(SQLiteFailure) {
        guard let last = commits.last else { return }
        for event in commits.lazy.flatMap(\.events) {
            if let previous = event.previous { try delete(previous, statements) }
            if event.change == .deleted { try delete(event.object, statements) }
        }
        try statements.compact.bind(Int64(last.revision), at: 1)
        _ = try statements.compact.step()
        mark.compacted = last.revision
    }

    private func delete(_ object: StoredObject, _ statements: Statements) throws(SQLiteFailure) {
        try statements.delete.bind(object.position, at: 1)
        _ = try statements.delete.step()
        if connection.changes > 0 { mark.rows.remove(object.position) }
    }

    private func number(of type: ResourceType, _ statements: Statements) throws(SQLiteFailure) -> Int64 {
        if let known = typeNumbers[type] { return known }
        try statements.type.bind(type.group, at: 1)
        try statements.type.bind(type.version, at: 2)
        try statements.type.bind(type.kind, at: 3)
        try statements.type.bind(type.plural, at: 4)
        try statements.type.bind(type.isNamespaced ? 1 : 0, at: 5)
        guard try statements.type.step() else {
            throw SQLiteFailure(code: SQLITE_INTERNAL, systemErrno: 0, message: "a type got no number")
        }
        let number = statements.type.integer(0)
        _ = try statements.type.step()
        typeNumbers[type] = number
        return number
    }

    /// Undoes the open transaction, where that is safe, and says what its failure means.
    private func abandon(_ failure: SQLiteFailure, _ statements: Statements) -> StoreError {
        var error = Self.refusal(failure, writing: path)
        do throws(SQLiteFailure) {
            if !connection.isAutocommit { _ = try statements.rollback.step() }
            // Room for the next: an emptied WAL is written over from its start. What this fsyncs was durable before.
            if case .full = error, connection.walPages > 0 { try connection.checkpoint() }
        } catch {
            let second = Self.refusal(error, writing: path)
            if case .failed = second { return fail(second) }
        }
        if case .failed = error { error = fail(error) }
        return error
    }

    private func fail(_ error: StoreError) -> StoreError {
        isHealthy = false
        return error
    }

    func tidy() throws(StoreError) {
        guard connection.walPages >= walLimit else { return }
        do throws(SQLiteFailure) {
            try connection.checkpoint()
        } catch {
            let refusal = Self.refusal(error, writing: path)
            if case .failed = refusal { throw fail(refusal) }
            throw refusal
        }
    }

    func close() {
        statements = nil
        if isHealthy && connection.walPages > 0 { try? connection.checkpoint() }
        connection.close()
        markFile.close()
    }
}

extension StoreCommit {
    fileprivate var makesObjects: Bool { events.contains { $0.change == .added } }
}

extension StoredObject {
    /// The place of this version in the log: its revision, then its number in the transaction.
    var position: Int64 { Int64(revision) << 20 | Int64(ordinal) }
}
