import Model
import TestSupport
import Testing

@testable import Store

@Suite struct `the index` {
    @Test(arguments: [1, 2, 3])
    func `it is what a sorted dictionary is, over random changes`(_ seed: UInt64) {
        var generator = SplitMix64(seed: seed)
        var index = ObjectIndex()
        var model: [ObjectKey: StoredObject] = [:]
        for revision in 1...4000 {
            let key = podKey(
                "pod-\(Int.random(in: 0..<900, using: &generator))",
                in: "namespace-\(Int.random(in: 0..<3, using: &generator))")
            if Int.random(in: 0..<10, using: &generator) < (revision < 2500 ? 2 : 7) {
                index.remove(key)
                model[key] = nil
            } else {
                let object = StoredObject(key: key, revision: StoreRevision(revision), document: .null)
                index.put(object)
                model[key] = object
            }
            if index[key] !== model[key] { Issue.record("\(key) differs at \(revision)") }
            guard revision.isMultiple(of: 250) else { continue }
            let sorted = model.values.sorted { $0.key < $1.key }.map(\.line)
            #expect(index.objects(in: StoreScope(type: nil)).map(\.line) == sorted)
            for namespace in ["namespace-0", "namespace-1", "namespace-2", "namespace-"] {
                let scope = StoreScope(type: .pod, namespace: namespace)
                let expected = model.values.filter { scope.contains($0.key) }.sorted { $0.key < $1.key }
                #expect(index.objects(in: scope).map(\.line) == expected.map(\.line))
            }
        }
    }

    @Test func `a copy does not see later changes`() {
        var index = ObjectIndex()
        for number in 0..<500 {
            index.put(StoredObject(key: podKey("pod-\(number)"), revision: 1, document: .null))
        }
        let copy = index
        index.remove(podKey("pod-7"))
        index.put(StoredObject(key: podKey("pod-8"), revision: 2, document: .null))
        #expect(copy[podKey("pod-7")] != nil)
        #expect(copy[podKey("pod-8")]?.revision == 1)
    }

    @Test func `the history forgets from its old end and keeps the rest`() {
        var history = History(compacted: 10)
        for revision in StoreRevision(11)...40 { history.append(StoreCommit(revision: revision, events: [])) }
        #expect(history.forget(upTo: 10).isEmpty)
        #expect(history.forget(upTo: 13).map(\.revision) == [11, 12, 13])
        #expect(history.commits(after: 13).map(\.revision) == Array(14...40))
        #expect(history.forget(upTo: 35).map(\.revision) == Array(14...35))
        #expect(history.commits(after: 38).map(\.revision) == [39, 40])
        #expect(history.commits(after: 40).isEmpty)
        #expect(history.forget(upTo: 90).map(\.revision) == Array(36...40))
        #expect(history.compacted == 40 && history.latest == 40)
    }
}
