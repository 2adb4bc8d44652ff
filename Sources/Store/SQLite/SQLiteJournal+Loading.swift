import Model

/// Reading the log back.
extension SQLiteJournal {
    /// What the file holds: replays the log from its start.
    func load() throws(StoreError) -> Published {
        do throws(SQLiteFailure) {
            let types = try loadTypes()
            for (number, type) in types { typeNumbers[type] = number }
            var replay = LogReplay(path: path, compacted: try compacted(), checksums: checksums)
            let rows = try connection.prepare(
                "SELECT position, type, namespace, name, document, checksum FROM object_version ORDER BY position")
            while try rows.step() {
                let row = LogRow(
                    position: rows.integer(0), type: rows.integer(1), namespace: rows.text(2), name: rows.text(3),
                    document: rows.bytes(4), checksum: rows.integer(5))
                try replay.add(row, of: types[row.type])
            }
            let content = replay.finished()
            mark = Mark(revision: content.revision, compacted: content.history.compacted, rows: replay.rows)
            try compare(mark, with: try markFile.read())
            return content
        } catch {
            throw Self.refusal(error, opening: path)
        }
    }

    /// Refuses a file that has lost what its mark says was acknowledged.
    private func compare(_ found: Mark, with promised: Mark?) throws(SQLiteFailure) {
        guard let promised else { return }
        guard found.revision >= promised.revision else {
            throw SQLiteFailure(
                content: "database \(path) ends at revision \(found.revision), and \(promised.revision) was "
                    + "acknowledged: \(path)-wal, where the rest was, is missing, cut or damaged")
        }
        let isSameMoment = found.revision == promised.revision && found.compacted == promised.compacted
        guard isSameMoment, found.rows != promised.rows else { return }
        throw SQLiteFailure(
            content:
                "database \(path) is damaged: at revision \(found.revision) it has \(found.rows.count) rows, and not "
                + "the \(promised.rows.count) that it had; some of its pages are lost or old")
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
