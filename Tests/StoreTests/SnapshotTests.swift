import Model
import Testing

@testable import Store

@Suite struct `snapshots` {
    /// A store with objects of several revisions, some of one transaction, some gone.
    private func filled() throws -> MemoryStore {
        let store = MemoryStore()
        for number in 0..<30 { try store.put(podKey("pod-\(number % 10)"), Int64(number)) }
        let together = ["a", "b", "c"].map { podKey($0) }
        _ = try store.commit(StoreTransaction(writes: together.map { .put($0, document($0)) }))
        try store.delete(podKey("pod-3"))
        return store
    }

    @Test func `read back are what they were`() throws {
        let snapshot = StoreSnapshot(of: try filled())
        let copy = try StoreSnapshot(text: snapshot.text[...])
        #expect(copy.revision == snapshot.revision)
        #expect(copy.objects.map(\.line) == snapshot.objects.map(\.line))
        #expect(copy.text == snapshot.text)
    }

    @Test func `make a store that is at their revision and goes on from there`() throws {
        let original = try filled()
        let snapshot = StoreSnapshot(of: original)
        let folder = try TemporaryFolder()
        try SQLiteStore.make(folder.path("store.db"), from: snapshot)
        for _ in 0..<2 {
            let store = try SQLiteStore(path: folder.path("store.db"))
            #expect(StoreSnapshot(of: store).text == snapshot.text)
            #expect(throws: StoreError.expired(oldest: snapshot.revision)) {
                try store.watch(StoreScope(type: nil), after: snapshot.revision - 1) { _ in }
            }
            store.close()
        }
        let store = try SQLiteStore(path: folder.path("store.db"))
        let next = try store.put(podKey("pod-4"), 99)
        #expect(next.revision == snapshot.revision + 1)
        #expect(next.events.map(\.previous?.line) == [original.get(podKey("pod-4"))?.line])
        store.close()
        let reopened = try SQLiteStore(path: folder.path("store.db"))
        #expect(reopened.value(podKey("pod-4")) == 99 && reopened.revision == snapshot.revision + 1)
        reopened.close()
    }

    @Test func `that were cut anywhere are refused with the line`() throws {
        let text = StoreSnapshot(of: try filled()).text
        for length in stride(from: 0, to: text.count, by: 13) {
            #expect(throws: SnapshotError.self) { try StoreSnapshot(text: text[..<length]) }
        }
        var strange = text
        strange[text.count - 3] = UInt8(ascii: "x")
        let lines = text.count { $0 == UInt8(ascii: "\n") }
        #expect(throws: SnapshotError(message: "line \(lines) is not an object of the snapshot")) {
            try StoreSnapshot(text: strange[...])
        }
    }

    @Test func `of an empty store make an empty store`() throws {
        let folder = try TemporaryFolder()
        try SQLiteStore.make(folder.path("store.db"), from: StoreSnapshot(of: MemoryStore()))
        let store = try SQLiteStore(path: folder.path("store.db"))
        #expect(store.revision == 0 && store.list(StoreScope(type: nil)).objects.isEmpty)
        store.close()
    }
}
