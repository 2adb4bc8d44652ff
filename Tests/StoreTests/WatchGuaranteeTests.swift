import Model
import Testing

@testable import Store

/// What etcd guarantees of its watches (etcd.io, "etcd API guarantees"), each under concurrent writers.
@Suite struct `watch guarantees` {
    @Test(arguments: Backend.allCases)
    func `ordered: events come in the order of their revisions, one delivery at a time`(_ backend: Backend) throws {
        try backend.withStore { store in
            for one in try Workload(on: store).watched {
                let revisions = one.recorder.events.map(\.object.revision)
                #expect(revisions == revisions.sorted())
                #expect(!one.recorder.hasOverlap)
            }
        }
    }

    @Test(arguments: Backend.allCases)
    func `unique: no change of an object is told twice`(_ backend: Backend) throws {
        try backend.withStore { store in
            for one in try Workload(on: store).watched {
                let changes = one.recorder.events.map { "\($0.object.key)@\($0.object.revision)" }
                #expect(Set(changes).count == changes.count)
            }
        }
    }

    @Test(arguments: Backend.allCases)
    func `atomic: the events of one commit come in one delivery`(_ backend: Backend) throws {
        try backend.withStore { store in
            let workload = try Workload(on: store)
            #expect(workload.commits.contains { $0.events.count > 1 })
            for one in workload.watched {
                let revisions = one.recorder.batches.map { Set($0.map(\.object.revision)) }
                #expect(revisions.allSatisfy { $0.count == 1 })
                #expect(Set(revisions).count == revisions.count)
            }
        }
    }

    @Test(arguments: Backend.allCases)
    func `reliable: after a list, every later change comes and no other`(_ backend: Backend) throws {
        try backend.withStore { store in
            let workload = try Workload(on: store)
            #expect(workload.commits.map(\.revision) == Array(1...store.revision))
            for one in workload.watched {
                let expected = workload.expected(one.scope, after: one.after)
                #expect(one.recorder.batches.map { $0.map(\.line) } == expected.map { $0.map(\.line) })
                if one.after > 0 {
                    #expect(
                        replayed(one.recorder.events, on: one.snapshot) == store.list(one.scope).objects.map(\.line))
                }
            }
        }
    }

    @Test(arguments: Backend.allCases)
    func `resumable: a watch from any revision in the history continues without gap`(_ backend: Backend) throws {
        try backend.withStore { store in
            let workload = try Workload(on: store)
            for revision in stride(from: 0, through: store.revision, by: 7) {
                for scope in Workload.scopes {
                    let recorder = Recorder()
                    let watch = try store.watch(scope, after: revision, deliver: recorder.deliver)
                    let expected = workload.expected(scope, after: revision)
                    #expect(recorder.batches.map { $0.map(\.line) } == expected.map { $0.map(\.line) })
                    watch.cancel()
                }
            }
        }
    }

    @Test(arguments: Backend.allCases)
    func `bookmarkable: after progress to a revision nothing up to it comes any more`(_ backend: Backend) throws {
        try backend.withStore { store in
            for one in try Workload(on: store).watched {
                var told = one.after
                for delivery in one.recorder.deliveries {
                    switch delivery {
                    case .events(let events):
                        #expect(events.allSatisfy { $0.object.revision > told })
                        told = events.last?.object.revision ?? told
                    case .progress(let revision):
                        #expect(revision > told)
                        told = revision
                    case .ended(let error): Issue.record("ended: \(error)")
                    }
                }
                #expect(told == store.revision)
            }
        }
    }

    @Test(arguments: Backend.allCases)
    func `prevKV: an event carries the object as it was before`(_ backend: Backend) throws {
        try backend.withStore { store in
            for one in try Workload(on: store).watched {
                var known = Dictionary(uniqueKeysWithValues: one.snapshot.map { ($0.key, $0) })
                for event in one.recorder.events {
                    #expect(event.previous?.line == known[event.object.key]?.line)
                    known[event.object.key] = event.change == .deleted ? nil : event.object
                }
            }
        }
    }

    @Test(arguments: Backend.allCases)
    func `isCreate: an addition is what had no object before, and nothing else is`(_ backend: Backend) throws {
        try backend.withStore { store in
            for one in try Workload(on: store).watched {
                var present = Set(one.snapshot.map(\.key))
                for event in one.recorder.events {
                    #expect((event.change == .added) == !present.contains(event.object.key))
                    if event.change == .deleted {
                        present.remove(event.object.key)
                    } else {
                        present.insert(event.object.key)
                    }
                }
            }
        }
    }

    @Test(arguments: Backend.allCases)
    func `filter: only what lies in the scope comes`(_ backend: Backend) throws {
        try backend.withStore { store in
            let workload = try Workload(on: store)
            for one in workload.watched {
                #expect(one.recorder.events.allSatisfy { one.scope.contains($0.object.key) })
            }
            #expect(Set(workload.watched.map { $0.recorder.events.count }).count > 3)
        }
    }

    private func replayed(_ events: [StoreEvent], on snapshot: [StoredObject]) -> [String] {
        var known = Dictionary(uniqueKeysWithValues: snapshot.map { ($0.key, $0) })
        for event in events { known[event.object.key] = event.change == .deleted ? nil : event.object }
        return known.values.sorted { $0.key < $1.key }.map(\.line)
    }
}
