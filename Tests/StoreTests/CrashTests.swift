import Glibc
import Model
import Testing

@testable import Store

@Suite(.serialized) struct `crashes` {
    /// A process that writes to a store, and what it says was acknowledged.
    private struct Writer {
        let process: pid_t
        let report: Int32

        init(database: String, fifo: String, first: Int) throws {
            unlink(fifo)
            guard mkfifo(fifo, 0o600) == 0 else { throw TemporaryFolder.Failure() }
            var path = [CChar](repeating: 0, count: 4096)
            let length = readlink("/proc/self/exe", &path, path.count)
            let own = String(decoding: path[..<max(length, 0)].map { UInt8(bitPattern: $0) }, as: UTF8.self)
            let program =
                own.split(separator: "/", omittingEmptySubsequences: false).dropLast()
                .joined(separator: "/") + "/store-writer"
            var arguments: [UnsafeMutablePointer<CChar>?] =
                [program, database, fifo, "8", String(first)].map { (word: String) in strdup(word) } + [nil]
            defer { for argument in arguments { free(argument) } }
            var process = pid_t()
            guard posix_spawn(&process, program, nil, nil, &arguments, nil) == 0 else {
                throw TemporaryFolder.Failure()
            }
            self.process = process
            report = open(fifo, O_RDONLY | O_CLOEXEC)
        }

        /// Reads acknowledgements until there are so many, kills the process, and reads the rest.
        func kill(after count: Int) -> [(name: String, revision: StoreRevision)] {
            var text: [UInt8] = []
            var chunk = [UInt8](repeating: 0, count: 4096)
            var lines = 0
            var isKilled = false
            while true {
                let got = read(report, &chunk, chunk.count)
                guard got > 0 else { break }
                text += chunk[..<got]
                lines += chunk[..<got].count { $0 == 10 }
                if lines >= count && !isKilled {
                    Glibc.kill(process, SIGKILL)
                    isKilled = true
                }
            }
            close(report)
            waitpid(process, nil, 0)
            return text.split(separator: 10).compactMap { line in
                let words = line.split(separator: 32).map { String(decoding: $0, as: UTF8.self) }
                guard words.count == 2, let revision = StoreRevision(words[1]) else { return nil }
                return (words[0], revision)
            }
        }
    }

    @Test func `a killed process loses nothing that it had acknowledged`() throws {
        let folder = try TemporaryFolder()
        let database = folder.path("store.db")
        var acknowledged: [(name: String, revision: StoreRevision)] = []
        for round in 0..<4 {
            let writer = try Writer(database: database, fifo: folder.path("report"), first: round * 1_000_000)
            let said = writer.kill(after: 700 * (round + 1))
            #expect(said.count >= 700)
            acknowledged += said
            let store = try SQLiteStore(path: database)
            for (name, revision) in acknowledged {
                let object = try #require(store.get(podKey(name)), "\(name) of revision \(revision) is lost")
                #expect(object.revision == revision && object.uid == "uid-\(name)")
            }
            #expect(store.revision == StoreRevision(store.list(StoreScope(type: nil)).objects.count))
            store.close()
        }
    }

    @Test func `a second process is refused while the first has the file`() throws {
        let folder = try TemporaryFolder()
        let database = folder.path("store.db")
        let writer = try Writer(database: database, fifo: folder.path("report"), first: 0)
        var byte: UInt8 = 0
        #expect(read(writer.report, &byte, 1) == 1)
        #expect(throws: StoreError.corrupt("database \(database) is in use by another process: stop that one first")) {
            try SQLiteStore(path: database)
        }
        _ = writer.kill(after: 1)
        try SQLiteStore(path: database).close()
    }
}
