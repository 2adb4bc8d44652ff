import Glibc

/// The schema, and whether a file has it.
extension SQLiteJournal {
    /// The schema's version: `PRAGMA user_version`. Files of version 1, whose checksums leave out the names of types, stay as
    /// they are; `martlet backup` and `martlet restore` make one of version 2 of them.
    static let schemaVersion: Int64 = 2
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

    /// Refuses a file that is not Martlet's or not of this version, or is damaged.
    func verify() throws(SQLiteFailure) {
        let application = try connection.integer("PRAGMA application_id")
        let version = try connection.integer("PRAGMA user_version")
        if application == 0, try isEmpty() { return }
        guard application == Self.applicationID else { throw refused("is not a martlet store") }
        guard version <= Self.schemaVersion else {
            throw refused(
                "has schema version \(version) and this martlet knows up to \(Self.schemaVersion): "
                    + "it was written by a newer one, run that")
        }
        if version == 1 { checksums = .number }
        let check = try connection.text("PRAGMA quick_check(1)")
        guard check == "ok" else { throw refused("is damaged: \(check)") }
    }

    /// Refuses companions without their database: SQLite would take an empty file for a new database, and remove the log.
    static func refuseRemains(_ path: String) throws(SQLiteFailure) {
        // 512 bytes are the smallest page that SQLite has: what is shorter counts as empty.
        guard size(of: path) < 512 else { return }
        for companion in [path + "-wal", path + "-mark"] where size(of: companion) > 0 {
            throw SQLiteFailure(
                content: "database \(path) is missing or empty, and its companion \(companion) is there")
        }
    }

    private static func size(of path: String) -> Int64 {
        var status = stat()
        return stat(path, &status) == 0 ? Int64(status.st_size) : 0
    }

    /// Lays out an empty file.
    func prepareSchema() throws(SQLiteFailure) {
        if try isEmpty() { try connection.execute(Self.schema) }
    }

    private func isEmpty() throws(SQLiteFailure) -> Bool {
        try connection.integer("SELECT count(*) FROM sqlite_schema") == 0
    }

    private func refused(_ problem: String) -> SQLiteFailure {
        SQLiteFailure(content: "database \(path) \(problem)")
    }
}
