import Glibc
import Model
import Synchronization
import Testing

@testable import Store

@Suite struct `disks that fail` {
    /// What a run of writes was answered.
    private struct Answers {
        var acknowledged: [ObjectKey] = []
        var refused: [ObjectKey] = []
        var unknown: [ObjectKey] = []
        var wasOpened = false
    }

    private func options(_ disk: FaultDisk) -> StoreOptions {
        StoreOptions {
            $0.vfs = disk.name
            $0.walLimit = 4
            $0.historyLimit = 3
        }
    }

    private func run(_ path: String, _ disk: FaultDisk) -> Answers {
        var answers = Answers()
        guard let store = try? SQLiteStore(path: path, options: options(disk)) else { return answers }
        answers.wasOpened = true
        for number in 0..<12 {
            let key = podKey("pod-\(number)")
            do throws(StoreError) {
                try store.put(key)
                answers.acknowledged.append(key)
            } catch {
                if case .full = error { answers.refused.append(key) } else { answers.unknown.append(key) }
                #expect(store.get(key) == nil)
            }
        }
        #expect(store.list(StoreScope(type: nil)).objects.map(\.key) == answers.acknowledged.sorted())
        store.close()
        return answers
    }

    @Test(arguments: FaultDisk.Fault.allCases)
    func `whichever disk operation fails, nothing acknowledged is lost`(_ fault: FaultDisk.Fault) throws {
        var number = 0
        var wasReached = true
        while wasReached {
            let folder = try TemporaryFolder()
            let disk = try FaultDisk()
            disk.fail(number..<number + 1, with: fault)
            let answers = run(folder.path("store.db"), disk)
            wasReached = number < disk.operations
            if fault == .noRoom && answers.wasOpened {
                #expect(answers.unknown.isEmpty && answers.refused.count <= 1, "operation \(number)")
            }
            let reopened = try SQLiteStore(path: folder.path("store.db"))
            let present = Set(reopened.list(StoreScope(type: nil)).objects.map(\.key))
            #expect(present.isSuperset(of: answers.acknowledged), "operation \(number)")
            #expect(present.isDisjoint(with: answers.refused), "operation \(number)")
            // What failed is unknown, and was the last that was tried.
            #expect(present.subtracting(answers.acknowledged).count <= 1, "operation \(number)")
            reopened.close()
            number += 1
        }
        #expect(number > 30)
    }

    @Test func `a disk that was full for a while takes writes again`() throws {
        let folder = try TemporaryFolder()
        let disk = try FaultDisk()
        let store = try SQLiteStore(path: folder.path("store.db"), options: options(disk))
        try store.put(podKey("before"))
        disk.fail(0..<1_000_000, with: .noRoom)
        for _ in 0..<5 {
            do throws(StoreError) {
                try store.put(podKey("during"))
                Issue.record("written to a full disk")
            } catch {
                guard case .full(let message) = error else {
                    Issue.record("\(error)")
                    return
                }
                #expect(message.contains(folder.path("store.db")))
            }
        }
        disk.fail(0..<0, with: .noRoom)
        #expect(try store.put(podKey("after")).revision == 2)
        store.close()
        let reopened = try SQLiteStore(path: folder.path("store.db"))
        #expect(reopened.list(StoreScope(type: nil)).objects.map(\.key.name) == ["after", "before"])
        reopened.close()
    }

    @Test func `a failed fsync stops all writing until the store is opened again`() throws {
        let folder = try TemporaryFolder()
        let disk = try FaultDisk()
        let store = try SQLiteStore(path: folder.path("store.db"), options: options(disk))
        try store.put(podKey("before"))
        disk.fail(0..<1_000_000, with: .broken)
        #expect(throws: StoreError.self) { try store.put(podKey("during")) }
        disk.fail(0..<0, with: .broken)
        do throws(StoreError) {
            try store.put(podKey("after"))
            Issue.record("written after a failure")
        } catch {
            guard case .failed(let message) = error else {
                Issue.record("\(error)")
                return
            }
            #expect(message.contains(folder.path("store.db")))
        }
        #expect(store.list(StoreScope(type: nil)).objects.map(\.key.name) == ["before"])
        store.close()
        let reopened = try SQLiteStore(path: folder.path("store.db"))
        #expect(reopened.get(podKey("before")) != nil && reopened.get(podKey("after")) == nil)
        #expect(try reopened.put(podKey("again")).events.count == 1)
        reopened.close()
    }

    @Test(arguments: [1, 2, 3] as [UInt64])
    func `a power cut at any moment loses nothing that was acknowledged`(_ seed: UInt64) throws {
        let folder = try TemporaryFolder()
        let disk = try FaultDisk()
        let path = folder.path("store.db")
        let store = try SQLiteStore(path: path, options: options(disk))
        let acknowledged = Mutex<[ObjectKey: StoreRevision]>([:])
        let cuts = Mutex<[(files: [String: [UInt8]], promised: [ObjectKey: StoreRevision])]>([])
        try inThreads(4) { thread in
            for number in 0..<40 {
                let key = podKey("pod-\(thread)-\(number)")
                guard let commit = try? store.put(key) else { continue }
                acknowledged.withLock { $0[key] = commit.revision }
                guard thread == 0, number.isMultiple(of: 4) else { continue }
                let promised = acknowledged.withLock { $0 }
                let files = disk.afterPowerCut(seed: seed &* 100 + UInt64(number))
                cuts.withLock { $0.append((files, promised)) }
            }
        }
        store.close()
        for (files, promised) in cuts.withLock({ $0 }) {
            let after = try TemporaryFolder()
            for (file, bytes) in files {
                try Files.write(bytes, to: after.path(String(file.split(separator: "/").last ?? "")))
            }
            let reopened = try SQLiteStore(path: after.path("store.db"))
            for (key, revision) in promised {
                #expect(reopened.get(key)?.revision == revision, "\(key) of revision \(revision) is lost")
            }
            reopened.close()
        }
        #expect(cuts.withLock { $0.count } == 10)
    }
}
