import CSQLite

/// What SQLite answered that was not what was asked for.
struct SQLiteFailure: Error, Equatable {
    /// The extended result code (sqlite.org/rescode.html).
    let code: Int32
    /// The `errno` behind it, or 0.
    let systemErrno: Int32
    /// SQLite's own words.
    let message: String

    /// The code of what is wrong with a file's content and not SQLite's to find; the message is complete then.
    static let content: Int32 = -1

    /// The primary result code.
    var primary: Int32 { code & 0xFF }
}

/// One connection to one database file.
///
/// `@unchecked Sendable`: one thread at a time uses it; the opening thread hands it to the writer's when it starts that.
final class Connection: @unchecked Sendable {
    let path: String
    private var handle: OpaquePointer?
    /// How many pages the WAL holds, as of the last commit.
    fileprivate(set) var walPages: Int32 = 0

    /// Opens a file, which is made if it is not there.
    init(path: String, vfs: String?) throws(SQLiteFailure) {
        self.path = path
        let flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE
        let status = sqlite3_open_v2(path, &handle, flags, vfs)
        guard status == SQLITE_OK else {
            let failure = failure(status)
            close()
            throw failure
        }
        martlet_sqlite3_no_checkpoint_on_close(handle)
        // Takes the place of SQLite's own hook, whose checkpoints hide their errors. Unretained: the connection closes the handle before it goes.
        sqlite3_wal_hook(
            handle,
            { context, _, _, pages in
                if let context { Unmanaged<Connection>.fromOpaque(context).takeUnretainedValue().walPages = pages }
                return SQLITE_OK
            }, Unmanaged.passUnretained(self).toOpaque())
    }

    deinit { close() }

    /// Closes the file without a checkpoint: after a failed fsync, the WAL is the only copy to trust.
    func close() {
        sqlite3_close_v2(handle)
        handle = nil
    }

    /// Whether no transaction is open: SQLite rolls back by itself after some failures.
    var isAutocommit: Bool { sqlite3_get_autocommit(handle) != 0 }

    /// How many rows the last statement that writes has changed.
    var changes: Int32 { sqlite3_changes(handle) }

    /// Runs statements that return nothing of interest.
    func execute(_ sql: String) throws(SQLiteFailure) {
        let status = sqlite3_exec(handle, sql, nil, nil, nil)
        guard status == SQLITE_OK else { throw failure(status) }
    }

    /// Prepares a statement that is used many times.
    func prepare(_ sql: String) throws(SQLiteFailure) -> Statement {
        var statement: OpaquePointer?
        let status = sqlite3_prepare_v3(handle, sql, -1, UInt32(SQLITE_PREPARE_PERSISTENT), &statement, nil)
        guard status == SQLITE_OK, let statement else { throw failure(status) }
        return Statement(statement, of: self)
    }

    /// The first column of the first row of a query.
    func integer(_ sql: String) throws(SQLiteFailure) -> Int64 {
        let statement = try prepare(sql)
        return try statement.step() ? statement.integer(0) : 0
    }

    /// The first column of the first row of a query.
    func text(_ sql: String) throws(SQLiteFailure) -> String {
        let statement = try prepare(sql)
        return try statement.step() ? statement.text(0) : ""
    }

    /// Copies the WAL into the database file and fsyncs it; the next commit then starts the WAL over.
    func checkpoint() throws(SQLiteFailure) {
        let status = sqlite3_wal_checkpoint_v2(handle, nil, SQLITE_CHECKPOINT_PASSIVE, nil, nil)
        guard status == SQLITE_OK else { throw failure(status) }
        walPages = 0
    }

    fileprivate func failure(_ status: Int32) -> SQLiteFailure {
        let message = handle == nil ? sqlite3_errstr(status) : sqlite3_errmsg(handle)
        return SQLiteFailure(
            code: status, systemErrno: handle == nil ? 0 : sqlite3_system_errno(handle),
            message: message.map { String(cString: $0) } ?? "error \(status)")
    }
}

/// A prepared statement; it finalizes itself.
final class Statement {
    private let handle: OpaquePointer
    private let connection: Connection
    /// Tells SQLite to copy what is bound: Swift's bytes live for the call only.
    private static let transient = unsafeBitCast(-1, to: sqlite3_destructor_type.self)

    fileprivate init(_ handle: OpaquePointer, of connection: Connection) {
        self.handle = handle
        self.connection = connection
    }

    deinit { sqlite3_finalize(handle) }

    /// Binds an integer to a parameter, counted from 1.
    func bind(_ value: Int64, at index: Int32) throws(SQLiteFailure) {
        try check(sqlite3_bind_int64(handle, index, value))
    }

    /// Binds a text to a parameter, by its length: it may contain NUL.
    func bind(_ value: String, at index: Int32) throws(SQLiteFailure) {
        var value = value
        let status = value.withUTF8 { bytes in
            bytes.withMemoryRebound(to: CChar.self) {
                sqlite3_bind_text64(
                    handle, index, $0.baseAddress ?? Self.nothing, UInt64($0.count), Self.transient,
                    UInt8(SQLITE_UTF8))
            }
        }
        try check(status)
    }

    /// Binds bytes to a parameter, or NULL.
    func bind(_ value: [UInt8]?, at index: Int32) throws(SQLiteFailure) {
        guard let value else { return try check(sqlite3_bind_null(handle, index)) }
        try check(
            value.withUnsafeBytes {
                sqlite3_bind_blob64(
                    handle, index, $0.baseAddress ?? UnsafeRawPointer(Self.nothing), UInt64($0.count), Self.transient)
            })
    }

    /// Moves to the next row; false when there is none, and the statement is then ready to be run again.
    func step() throws(SQLiteFailure) -> Bool {
        let status = sqlite3_step(handle)
        if status == SQLITE_ROW { return true }
        sqlite3_reset(handle)
        guard status == SQLITE_DONE else { throw connection.failure(status) }
        return false
    }

    /// An integer column of the row, counted from 0.
    func integer(_ column: Int32) -> Int64 { sqlite3_column_int64(handle, column) }

    /// A text column of the row.
    func text(_ column: Int32) -> String {
        guard let bytes = sqlite3_column_text(handle, column) else { return "" }
        let count = Int(sqlite3_column_bytes(handle, column))
        return String(decoding: UnsafeBufferPointer(start: bytes, count: count), as: UTF8.self)
    }

    /// A blob column of the row; nil for NULL.
    func bytes(_ column: Int32) -> [UInt8]? {
        guard sqlite3_column_type(handle, column) != SQLITE_NULL else { return nil }
        guard let bytes = sqlite3_column_blob(handle, column) else { return [] }
        return Array(UnsafeRawBufferPointer(start: bytes, count: Int(sqlite3_column_bytes(handle, column))))
    }

    private func check(_ status: Int32) throws(SQLiteFailure) {
        guard status == SQLITE_OK else { throw connection.failure(status) }
    }

    /// A pointer that is not NULL, for values of no bytes: NULL would bind NULL. Never read nor freed.
    nonisolated(unsafe) private static let nothing = UnsafePointer(UnsafeMutablePointer<CChar>.allocate(capacity: 1))
}
