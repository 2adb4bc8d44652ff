import Glibc
import Model
import Testing

@testable import Store

@Suite struct `durability` {
    @Test(arguments: [1, 2, 3, 4, 5, 6] as [UInt64])
    func `a reopened store equals a memory store that was fed the same`(_ seed: UInt64) throws {
        let folder = try TemporaryFolder()
        let options = StoreOptions { $0.historyLimit = seed.isMultiple(of: 2) ? 20 : 10_000 }
        let memory = MemoryStore(options: options)
        var random = RandomTransactions(seed: seed)
        for _ in 0..<6 {
            let store = try SQLiteStore(path: folder.path("store.db"), options: options)
            expectEqual(store, memory)
            for _ in 0..<40 {
                let transaction = random.next(seeing: memory)
                let (ours, theirs) = (outcome(store, transaction), outcome(memory, transaction))
                #expect(ours == theirs)
            }
            store.close()
        }
        let store = try SQLiteStore(path: folder.path("store.db"), options: options)
        expectEqual(store, memory)
        memory.compact(before: memory.revision - 5)
        store.compact(before: store.revision - 5)
        expectEqual(store, memory)
        store.close()
    }

    @Test func `a compacted deletion of the last object does not turn the revision back`() throws {
        let folder = try TemporaryFolder()
        let first = try SQLiteStore(path: folder.path("store.db"))
        try first.put(podKey("web"))
        try first.delete(podKey("web"))
        first.compact(before: 3)
        try first.put(podKey("web"))
        try first.delete(podKey("web"))
        first.compact(before: 5)
        first.close()
        let second = try SQLiteStore(path: folder.path("store.db"))
        #expect(second.revision == 4)
        #expect(try second.put(podKey("web")).revision == 5)
        second.close()
    }

    @Test func `history is given back so that the file stays small`() throws {
        let folder = try TemporaryFolder()
        let path = folder.path("store.db")
        let store = try SQLiteStore(path: path, options: StoreOptions { $0.historyLimit = 20 })
        for value in 1...2000 { try store.put(podKey("web"), Int64(value)) }
        store.close()
        let journal = try SQLiteJournal(path: path, options: StoreOptions())
        let rows = try journal.connection.integer("SELECT count(*) FROM object_version")
        #expect(rows < 200)
        journal.close()
    }

    @Test func `the write-ahead log is copied into the file before it grows large`() throws {
        let folder = try TemporaryFolder()
        let store = try SQLiteStore(path: folder.path("store.db"), options: StoreOptions { $0.walLimit = 20 })
        for value in 1...300 { try store.put(podKey("web"), Int64(value)) }
        #expect(Files.read(folder.path("store.db-wal")).count < 60 * 4096)
        store.close()
    }

    @Test func `a compaction is on the disk without a further write`() throws {
        let folder = try TemporaryFolder()
        let path = folder.path("store.db")
        let store = try SQLiteStore(path: path)
        for value in 1...1000 { try store.put(podKey("web"), Int64(value)) }
        store.compact(before: 1000)
        store.close()
        let reopened = try SQLiteStore(path: path)
        #expect(throws: StoreError.expired(oldest: 999)) {
            try reopened.watch(StoreScope(type: nil), after: 998) { _ in }
        }
        reopened.close()
    }

    @Test func `names and values of any text come back`() throws {
        let folder = try TemporaryFolder()
        let key = ObjectKey(.configMap, namespace: "", name: "z\u{0}é✓'\"")
        let odd = ResourceType(group: "odd.dev", version: "v9", kind: "Odd", plural: "odds", isNamespaced: false)
        let other = ObjectKey(odd, namespace: "", name: "one")
        var value = document(key, .max)
        value["data"] = ["empty": "", "nul": "\u{0}\u{1F}", "nested": [nil, true, 1.5, -3, [:], []]]
        let first = try SQLiteStore(path: folder.path("store.db"))
        _ = try first.commit(StoreTransaction(writes: [.put(key, value), .put(other, document(other))]))
        let before = first.list(StoreScope(type: nil)).objects.map(\.line)
        first.close()
        let second = try SQLiteStore(path: folder.path("store.db"))
        #expect(second.list(StoreScope(type: nil)).objects.map(\.line) == before)
        #expect(second.get(other)?.key.type.kind == "Odd")
        second.close()
    }

    @Test func `only the owner can read the files`() throws {
        let folder = try TemporaryFolder()
        let store = try SQLiteStore(path: folder.path("store.db"))
        try store.put(podKey("web"))
        #expect(folder.files == ["store.db", "store.db-mark", "store.db-reserve", "store.db-wal"])
        for file in folder.files {
            var status = stat()
            #expect(stat(folder.path(file), &status) == 0)
            #expect(status.st_mode & 0o777 == 0o600)
        }
        store.close()
    }

    private func outcome(_ store: any Store, _ transaction: StoreTransaction) -> String {
        do throws(StoreError) {
            let commit = try store.commit(transaction)
            return "\(commit.revision) \(commit.events.map(\.line))"
        } catch { return "\(error)" }
    }

    private func expectEqual(_ left: any Store, _ right: any Store) {
        #expect(left.revision == right.revision)
        let scope = StoreScope(type: nil)
        #expect(left.list(scope).objects.map(\.line) == right.list(scope).objects.map(\.line))
        #expect(oldest(left) == oldest(right))
        for revision in stride(from: oldest(right), through: right.revision, by: 3) {
            #expect(history(left, after: revision) == history(right, after: revision))
        }
    }

    private func history(_ store: any Store, after revision: StoreRevision) -> [[String]] {
        let recorder = Recorder()
        guard let watch = try? store.watch(StoreScope(type: nil), after: revision, deliver: recorder.deliver) else {
            return [["refused"]]
        }
        watch.cancel()
        return recorder.batches.map { $0.map(\.line) }
    }

    private func oldest(_ store: any Store) -> StoreRevision {
        do throws(StoreError) {
            try store.watch(StoreScope(type: nil), after: 0) { _ in }.cancel()
            return 0
        } catch {
            guard case .expired(let oldest) = error else { return .max }
            return oldest
        }
    }
}
