import CSQLite

/// The schema, and whether a file has it.
extension SQLiteJournal {
    /// The schema's version: `PRAGMA user_version`.
    static let schemaVersion: Int64 = 1
    /// `PRAGMA application_id`: "Mrtl" in ASCII.
    static let applicationID: Int64 = 0x4D72_746C

    /// Every version of every object that is current or that the history still needs, in the order of writing.
    /// A version without a document is a deletion. Nothing is indexed: the log is read once, at opening.
    private static let schema = """
        BEGIN EXCLUSIVE;
        CREATE TABLE type(
            id INTEGER PRIMARY KEY,
            api_group TEXT NOT NULL,
            version TEXT NOT NULL,
            kind TEXT NOT NULL,
            plural TEXT NOT NULL,
            namespaced INTEGER NOT NULL
        ) STRICT;
        CREATE TABLE object_version(
            position INTEGER PRIMARY KEY,
            type INTEGER NOT NULL REFERENCES type(id),
            namespace TEXT NOT NULL,
            name TEXT NOT NULL,
            document BLOB,
            checksum INTEGER NOT NULL
        ) STRICT;
        CREATE TABLE history(
            id INTEGER PRIMARY KEY CHECK (id = 1),
            compacted INTEGER NOT NULL
        ) STRICT;
        INSERT INTO history(id, compacted) VALUES (1, 0);
        PRAGMA application_id = \(applicationID);
        PRAGMA user_version = \(schemaVersion);
        COMMIT;
        """

    /// Checks the file and whose it is, and lays out an empty one.
    func verify() throws(StoreError) {
        do throws(SQLiteFailure) {
            let application = try connection.integer("PRAGMA application_id")
            let version = try connection.integer("PRAGMA user_version")
            let isEmpty = try connection.integer("SELECT count(*) FROM sqlite_schema") == 0
            if application == 0 && isEmpty { return try connection.execute(Self.schema) }
            if let problem = try problem(application: application, version: version) {
                throw SQLiteFailure(code: SQLITE_MISMATCH, systemErrno: 0, message: problem)
            }
        } catch {
            throw error.code == SQLITE_MISMATCH
                ? .corrupt("database \(path) \(error.message)") : Self.refusal(error, opening: path)
        }
    }

    private func problem(application: Int64, version: Int64) throws(SQLiteFailure) -> String? {
        guard application == Self.applicationID else { return "is not a martlet store" }
        guard version <= Self.schemaVersion else {
            return "has schema version \(version) and this martlet knows up to \(Self.schemaVersion): "
                + "it was written by a newer one, run that"
        }
        let check = try connection.text("PRAGMA quick_check(1)")
        return check == "ok" ? nil : "is damaged: \(check)"
    }
}
