import Model

/// Reading the log back.
extension SQLiteJournal {
    /// What the file holds: replays the log from its start.
    func load() throws(StoreError) -> Published {
        do throws(SQLiteFailure) {
            let types = try loadTypes()
            for (number, type) in types { typeNumbers[type] = number }
            var replay = LogReplay(path: path, compacted: try compacted())
            let rows = try connection.prepare(
                "SELECT position, type, namespace, name, document, checksum FROM object_version ORDER BY position")
            while try rows.step() {
                let row = LogRow(
                    position: rows.integer(0), type: rows.integer(1), namespace: rows.text(2), name: rows.text(3),
                    document: rows.bytes(4), checksum: rows.integer(5))
                try replay.add(row, of: types[row.type])
            }
            return replay.finished()
        } catch {
            throw Self.refusal(error, opening: path)
        }
    }

    private func compacted() throws(SQLiteFailure) -> StoreRevision {
        StoreRevision(clamping: try connection.integer("SELECT compacted FROM history"))
    }

    private func loadTypes() throws(SQLiteFailure) -> [Int64: ResourceType] {
        var types: [Int64: ResourceType] = [:]
        let rows = try connection.prepare("SELECT id, api_group, version, kind, plural, namespaced FROM type")
        while try rows.step() {
            let stored = ResourceType(
                group: rows.text(1), version: rows.text(2), kind: rows.text(3), plural: rows.text(4),
                isNamespaced: rows.integer(5) != 0)
            // The registry's entry knows the short names too.
            types[rows.integer(0)] = ResourceType.all.first { $0 == stored } ?? stored
        }
        return types
    }
}
