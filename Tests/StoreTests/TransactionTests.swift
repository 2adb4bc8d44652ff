import Model
import Testing

@testable import Store

@Suite struct `transactions` {
    let web = podKey("web")
    let api = podKey("api")

    @Test(arguments: Backend.allCases)
    func `a put is read back with its revision as resource version`(_ backend: Backend) throws {
        try backend.withStore { store in
            let commit = try store.put(web, 7)
            let object = try #require(store.get(web))
            #expect(commit.revision == 1 && store.revision == 1 && object.revision == 1)
            #expect(object.document["metadata"]?["resourceVersion"] == "1")
            #expect(object.uid == "uid-web")
            #expect(store.value(web) == 7)
            #expect(commit.events.map(\.change) == [.added])
            #expect(object.bytes == object.document.serialized())
        }
    }

    @Test(arguments: Backend.allCases)
    func `an equal document is no write`(_ backend: Backend) throws {
        try backend.withStore { store in
            try store.put(web, 1)
            var stale = document(web, 1)
            stale.resourceVersion = "99"
            for same in [document(web, 1), stale] {
                let commit = try store.commit(StoreTransaction(writes: [.put(web, same)]))
                #expect(commit.revision == 1 && commit.events.isEmpty)
            }
            #expect(try store.delete(api).events.isEmpty)
            #expect(store.revision == 1)
        }
    }

    @Test(arguments: Backend.allCases)
    func `a deletion leaves the last object with the revision of the deletion`(_ backend: Backend) throws {
        try backend.withStore { store in
            try store.put(web, 3)
            let event = try #require(try store.delete(web).events.first)
            #expect(store.get(web) == nil)
            #expect(event.change == .deleted && event.object.revision == 2 && event.previous?.revision == 1)
            #expect(event.object.document["metadata"]?["resourceVersion"] == "2")
            #expect(event.object.document["spec"]?["value"] == 3)
        }
    }

    @Test(arguments: Backend.allCases)
    func `the writes of a transaction share a revision and change a key once`(_ backend: Backend) throws {
        try backend.withStore { store in
            let commit = try store.commit(
                StoreTransaction(writes: [
                    .put(web, document(web, 1)), .put(api, document(api, 1)), .put(web, document(web, 2)),
                    .put(podKey("gone"), document(podKey("gone"))), .delete(podKey("gone")),
                ]))
            #expect(commit.revision == 1)
            #expect(commit.events.map(\.object.key) == [web, api])
            #expect(commit.events.map(\.change) == [.added, .added])
            #expect(store.value(web) == 2)
            let replaced = try store.commit(StoreTransaction(writes: [.delete(web), .put(web, document(web, 3))]))
            #expect(replaced.events.map(\.change) == [.modified])
        }
    }

    @Test(arguments: Backend.allCases)
    func `a transaction whose precondition does not hold writes nothing`(_ backend: Backend) throws {
        try backend.withStore { store in
            try store.put(web, 1)
            let broken: [StorePrecondition] = [
                .absent(web), .present(api), .revision(web, 2), .revision(api, 1), .uid(web, "other"), .uid(api, ""),
            ]
            for precondition in broken {
                #expect(throws: StoreError.conflict(precondition)) {
                    try store.commit(
                        StoreTransaction(
                            preconditions: [.present(web), precondition],
                            writes: [.put(api, document(api)), .delete(web)]))
                }
            }
            #expect(store.list(StoreScope(type: nil)).objects.map(\.key) == [web])
            #expect(store.revision == 1)
            let kept: [StorePrecondition] = [.absent(api), .present(web), .revision(web, 1), .uid(web, "uid-web")]
            #expect(try store.commit(StoreTransaction(preconditions: kept, writes: [.delete(web)])).revision == 2)
        }
    }

    @Test(arguments: Backend.allCases)
    func `of many writers that race for a revision one wins each time`(_ backend: Backend) throws {
        try backend.withStore { store in
            try store.put(web, 0)
            try inThreads(8) { _ in
                var wins = 0
                while wins < 25 {
                    guard let seen = store.get(podKey("web")), let value = store.value(podKey("web")) else { return }
                    let next = StoreTransaction(
                        preconditions: [.revision(seen.key, seen.revision)],
                        writes: [
                            .put(
                                seen.key,
                                document(seen.key, (seen.document["spec"]?["value"]?.integer ?? value) + 1))
                        ])
                    if (try? store.commit(next)) != nil { wins += 1 }
                }
            }
            #expect(store.value(web) == 200)
            #expect(store.revision == 201)
        }
    }

    @Test(arguments: Backend.allCases)
    func `a list is in key order and holds what the scope contains`(_ backend: Backend) throws {
        try backend.withStore { store in
            var random = RandomTransactions(seed: 5)
            for _ in 0..<80 { _ = try? store.commit(random.next(seeing: store)) }
            let all = store.list(StoreScope(type: nil)).objects.map(\.key)
            #expect(all == all.sorted() && all.count > 20)
            let scopes =
                Workload.scopes + [
                    StoreScope(type: .pod, name: "object-2"), StoreScope(type: .node, namespace: "shop"),
                    StoreScope(type: .node, namespace: "", name: "object-3"), StoreScope(type: .secret),
                ]
            for scope in scopes { #expect(store.list(scope).objects.map(\.key) == all.filter(scope.contains)) }
        }
    }

    @Test(arguments: Backend.allCases)
    func `a submitted transaction is answered once, after readers see it`(_ backend: Backend) throws {
        try backend.withStore { store in
            let answer = Promise<(Result<StoreCommit, StoreError>, Int64?)>()
            let key = web
            store.submit(StoreTransaction(writes: [.put(key, document(key, 4))])) { result in
                answer.fulfil((result, store.value(key)))
            }
            let (result, value) = answer.wait()
            let commit = try result.get()
            #expect(commit.revision == 1)
            #expect(value == 4)
        }
    }

    @Test(arguments: Backend.allCases)
    func `a closed store refuses writes and watches and can be closed again`(_ backend: Backend) throws {
        try backend.withStore { store in
            try store.put(web, 1)
            store.close()
            store.close()
            #expect(throws: StoreError.closed) { try store.put(api) }
            #expect(throws: StoreError.closed) { try store.watch(StoreScope(type: nil), after: 1) { _ in } }
            #expect(store.value(web) == 1)
        }
    }

    @Test func `a store that is dropped closes itself and frees its file`() throws {
        let folder = try TemporaryFolder()
        for round in 1...3 {
            let store = try SQLiteStore(path: folder.path("store.db"))
            #expect(try store.put(web, Int64(round)).revision == StoreRevision(round))
        }
    }
}
