import Model
import Synchronization
import Testing
import Threads

@testable import Store

@Suite struct `watches` {
    let everything = StoreScope(type: nil)
    let web = podKey("web")

    @Test(arguments: Backend.allCases)
    func `a watch from a compacted or a future revision is refused`(_ backend: Backend) throws {
        try backend.withStore { store in
            for value in 1...5 { try store.put(web, Int64(value)) }
            store.compact(before: 4)
            #expect(throws: StoreError.expired(oldest: 3)) { try store.watch(everything, after: 2) { _ in } }
            #expect(throws: StoreError.futureRevision(current: 5)) { try store.watch(everything, after: 6) { _ in } }
            let recorder = Recorder()
            let watch = try store.watch(everything, after: 3, deliver: recorder.deliver)
            #expect(recorder.events.map(\.object.revision) == [4, 5])
            #expect(store.value(web) == 5)
            store.compact(before: 100)
            #expect(throws: StoreError.expired(oldest: 5)) { try store.watch(everything, after: 4) { _ in } }
            watch.cancel()
        }
    }

    @Test(arguments: Backend.allCases)
    func `the history keeps as many revisions as it may`(_ backend: Backend) throws {
        try backend.withStore(options: StoreOptions { $0.historyLimit = 10 }) { store in
            for value in 1...50 { try store.put(web, Int64(value)) }
            #expect(throws: StoreError.expired(oldest: 40)) { try store.watch(everything, after: 39) { _ in } }
            let recorder = Recorder()
            let watch = try store.watch(everything, after: 40, deliver: recorder.deliver)
            #expect(recorder.events.map(\.object.revision) == Array(41...50))
            watch.cancel()
        }
    }

    @Test(arguments: Backend.allCases)
    func `a commit outside of the scope is told as progress`(_ backend: Backend) throws {
        try backend.withStore { store in
            let recorder = Recorder()
            let watch = try store.watch(StoreScope(type: .node), after: 0, deliver: recorder.deliver)
            try store.put(web)
            recorder.wait(for: 1)
            #expect(recorder.events.isEmpty)
            let late = Recorder()
            let second = try store.watch(StoreScope(type: .node), after: 0, deliver: late.deliver)
            #expect(late.revision == 1)
            watch.cancel()
            second.cancel()
        }
    }

    @Test(arguments: Backend.allCases)
    func `a callee may read, watch, submit and cancel`(_ backend: Backend) throws {
        try backend.withStore { store in
            let done = Promise<Int>()
            let own = Mutex<(any StoreWatch)?>(nil)
            let watch = try store.watch(StoreScope(type: .pod), after: 0) { delivery in
                guard case .events(let events) = delivery, let key = events.first?.object.key else { return }
                let seen = store.list(StoreScope(type: nil)).objects.count + (store.get(key) == nil ? 0 : 1)
                guard let inner = try? store.watch(StoreScope(type: nil), after: 0, deliver: { _ in }) else { return }
                inner.cancel()
                own.withLock { $0 }?.cancel()
                let node = ObjectKey(.node, namespace: "", name: "one")
                store.submit(StoreTransaction(writes: [.put(node, document(node))])) { _ in done.fulfil(seen) }
            }
            own.withLock { $0 = watch }
            try store.put(web)
            #expect(done.wait() == 2)
            try store.put(web, 2)
            #expect(store.revision == 3)
            own.withLock { $0 = nil }
        }
    }

    @Test(arguments: Backend.allCases)
    func `no delivery starts after a cancel`(_ backend: Backend) throws {
        try backend.withStore { store in
            let isCancelled = Atomic(false)
            let late = Atomic(0)
            for round in 0..<40 {
                isCancelled.store(false, ordering: .sequentiallyConsistent)
                let watch = try store.watch(everything, after: store.revision) { _ in
                    if isCancelled.load(ordering: .sequentiallyConsistent) { late.add(1, ordering: .relaxed) }
                }
                let submitted = Promise<Void>()
                try Thread.detach {
                    let key = podKey("web")
                    store.submit(StoreTransaction(writes: [.put(key, document(key, Int64(round)))])) { _ in
                        submitted.fulfil(())
                    }
                }
                watch.cancel()
                isCancelled.store(true, ordering: .sequentiallyConsistent)
                submitted.wait()
            }
            #expect(late.load(ordering: .sequentiallyConsistent) == 0)
        }
    }

    @Test(arguments: Backend.allCases)
    func `a watch ends with its handle`(_ backend: Backend) throws {
        try backend.withStore { store in
            let recorder = Recorder()
            var watch: (any StoreWatch)? = try store.watch(everything, after: 0, deliver: recorder.deliver)
            try store.put(web, 1)
            recorder.wait(for: 1)
            #expect(watch != nil)
            watch = nil
            try store.put(web, 2)
            #expect(recorder.revision == 1)
        }
    }

    @Test(arguments: Backend.allCases)
    func `closing the store ends its watches`(_ backend: Backend) throws {
        try backend.withStore { store in
            let recorder = Recorder()
            let watch = try store.watch(everything, after: 0, deliver: recorder.deliver)
            try store.put(web, 1)
            store.close()
            #expect(recorder.end == .closed)
            #expect(recorder.events.count == 1)
            watch.cancel()
        }
    }

    @Test(arguments: Backend.allCases)
    func `a watcher whose replay is slower than the writes is ended, not fed for ever`(_ backend: Backend) throws {
        try backend.withStore(options: StoreOptions { $0.watchBacklog = 5 }) { store in
            try store.put(web, 0)
            let (inReplay, mayGoOn) = (Promise<Void>(), Semaphore())
            let recorder = Recorder()
            let ended = Promise<StoreError?>()
            try Thread.detach {
                let watch = try? store.watch(StoreScope(type: nil), after: 0) { delivery in
                    recorder.deliver(delivery)
                    guard recorder.deliveries.count == 1 else { return }
                    inReplay.fulfil(())
                    mayGoOn.wait()
                }
                ended.fulfil(recorder.end)
                watch?.cancel()
            }
            inReplay.wait()
            for value in 1...20 { try store.put(web, Int64(value)) }
            mayGoOn.signal()
            #expect(ended.wait() == .expired(oldest: 0))
            #expect(recorder.events.count == 1)
        }
    }

    @Test(arguments: Backend.allCases)
    func `a thousand watchers are all told`(_ backend: Backend) throws {
        try backend.withStore { store in
            let told = Atomic(0)
            let watches = try (0..<1000).map { _ in
                try store.watch(StoreScope(type: .pod), after: 0) { delivery in
                    if case .events = delivery { told.add(1, ordering: .relaxed) }
                }
            }
            for value in 1...10 { try store.put(web, Int64(value)) }
            #expect(told.load(ordering: .sequentiallyConsistent) == 10_000)
            for watch in watches { watch.cancel() }
        }
    }
}
