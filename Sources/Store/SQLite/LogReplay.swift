import Model

/// One row of the log.
struct LogRow {
    let position: Int64
    let type: Int64
    let namespace: String
    let name: String
    /// The document's text; nil for a deletion.
    let document: [UInt8]?
    let checksum: Int64

    var revision: StoreRevision { StoreRevision(position >> 20) }
    var ordinal: Int { Int(position & (1 << 20 - 1)) }
}

/// Makes the objects and the history out of the log, row by row in order: what precedes an object's version in the
/// log is what it replaced.
struct LogReplay {
    private let path: String
    private let checksums: Checksum.TypePart
    private var content = Published()
    private var pending: [StoreEvent] = []
    private var pendingRevision: StoreRevision
    /// The rows that were added.
    private(set) var rows = RowSet()

    init(path: String, compacted: StoreRevision, checksums: Checksum.TypePart) {
        self.path = path
        self.checksums = checksums
        content.history = History(compacted: compacted)
        pendingRevision = compacted
    }

    mutating func add(_ row: LogRow, of type: ResourceType?) throws(SQLiteFailure) {
        guard let type else { throw damaged(row, "its type \(row.type) is unknown") }
        guard row.checksum == Checksum.of(row, type: type, checksums) else {
            throw damaged(row, "its checksum is wrong")
        }
        rows.insert(row.position)
        let event = try event(row, ObjectKey(type, namespace: row.namespace, name: row.name))
        if event.change == .deleted { content.index.remove(event.object.key) } else { content.index.put(event.object) }
        guard row.revision > content.history.compacted else { return }
        if row.revision != pendingRevision {
            flush()
            guard row.revision == pendingRevision + 1 else {
                throw damaged(row, "revision \(pendingRevision + 1) is missing before it")
            }
            pendingRevision = row.revision
        }
        pending.append(event)
    }

    /// The content, once every row was added.
    mutating func finished() -> Published {
        flush()
        content.revision = content.history.latest
        return content
    }

    private mutating func flush() {
        guard !pending.isEmpty else { return }
        content.history.append(StoreCommit(revision: pendingRevision, events: pending))
        pending = []
    }

    private func event(_ row: LogRow, _ key: ObjectKey) throws(SQLiteFailure) -> StoreEvent {
        let previous = content.index[key]
        guard let bytes = row.document else { return try deletion(row, of: previous) }
        let document: JSONValue
        do throws(JSONError) { document = try JSONValue(parsing: bytes) } catch { throw damaged(row, "\(error)") }
        let object = StoredObject(
            key: key, revision: row.revision, ordinal: row.ordinal, document: document)
        return StoreEvent(change: previous == nil ? .added : .modified, object: object, previous: previous)
    }

    private func deletion(_ row: LogRow, of previous: StoredObject?) throws(SQLiteFailure) -> StoreEvent {
        guard let previous else { throw damaged(row, "it deletes what is not there") }
        var document = previous.document
        document.resourceVersion = String(row.revision)
        let object = StoredObject(
            key: previous.key, revision: row.revision, ordinal: row.ordinal, document: document)
        return StoreEvent(change: .deleted, object: object, previous: previous)
    }

    private func damaged(_ row: LogRow, _ problem: String) -> SQLiteFailure {
        SQLiteFailure(
            code: SQLiteFailure.content, systemErrno: 0,
            message: "database \(path) is damaged at revision \(row.revision), \(row.namespace)/\(row.name): \(problem)"
        )
    }
}
