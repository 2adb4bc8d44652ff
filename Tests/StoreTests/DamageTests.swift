import Glibc
import Model
import Testing

@testable import Store

/// Files that were torn, cut or changed: each opens with everything that was acknowledged, or is refused and left as it is.
@Suite(.timeLimit(.minutes(59))) struct `damaged files` {
    /// A store's files as a killed process leaves them: a checkpointed database with free pages, and a log with more.
    struct Original {
        var files: [String: [UInt8]] = [:]
        /// The database's file as it was some commits before.
        var olderDatabase: [UInt8] = []
        var content = ""

        init() throws {
            let folder = try TemporaryFolder()
            let path = folder.path("store.db")
            let options = StoreOptions {
                $0.walLimit = 20
                $0.historyLimit = 10
            }
            let store = try SQLiteStore(path: path, options: options)
            for number in 0..<60 {
                try store.put(podKey("pod-\(number % 25)"), Int64(number))
                if number % 7 == 0 { try store.delete(podKey("pod-\(number % 25)")) }
                if number == 40 { olderDatabase = Files.read(path) }
            }
            for name in folder.files { files[name] = Files.read(folder.path(name)) }
            content = Self.content(of: store)
            store.close()
        }

        static func content(of store: any Store) -> String {
            let (objects, revision) = store.list(StoreScope(type: nil))
            return "\(revision): " + objects.map(\.line).joined(separator: "\n")
        }
    }

    /// What became of damaged files.
    private enum Fate: Equatable {
        /// Everything is there.
        case whole
        case refused(String)
    }

    /// Opens damaged files; records an issue when something is missing, or when refused files were changed.
    private func fate(of files: [String: [UInt8]], _ original: Original, _ what: String) throws -> Fate {
        let folder = try TemporaryFolder()
        for (name, bytes) in files { try Files.write(bytes, to: folder.path(name)) }
        do throws(StoreError) {
            let store = try SQLiteStore(path: folder.path("store.db"))
            let content = Original.content(of: store)
            store.close()
            #expect(content == original.content, "\(what) is not noticed, and something is lost")
            return .whole
        } catch {
            guard case .corrupt(let message) = error else {
                Issue.record("\(what): \(error)")
                return .whole
            }
            #expect(message.contains(folder.path("store.db")), "\(what): \(message)")
            for (name, bytes) in files where Files.read(folder.path(name)) != bytes {
                Issue.record("\(what): \(name) was changed")
            }
            return .refused(message)
        }
    }

    /// Where bits are flipped: everywhere in headers, and in steps elsewhere; everywhere in a long run.
    private func places(in file: String, _ bytes: [UInt8]) -> [Int] {
        if getenv("MARTLET_TEST_SECONDS") != nil { return Array(bytes.indices) }
        return bytes.indices.filter { place in
            if place % 509 == 0 || file.hasSuffix("-mark") { return true }
            if file.hasSuffix("-wal") { return place < 32 || (place - 32) % (24 + 4096) < 24 && place < 40_000 }
            return place < 100 || place % 4096 < 12
        }
    }

    @Test(arguments: ["store.db", "store.db-wal", "store.db-mark"])
    func `a flipped bit anywhere loses nothing in silence`(_ file: String) throws {
        let original = try Original()
        let bytes = try #require(original.files[file])
        var refusals = 0
        for place in places(in: file, bytes) {
            var files = original.files
            files[file]?[place] ^= 1 << UInt8(place % 8)
            if case .refused = try fate(of: files, original, "\(file), bit \(place % 8) of byte \(place)") {
                refusals += 1
            }
        }
        #expect(refusals > 10)
    }

    @Test func `a flipped bit in the name of a type is noticed`() throws {
        let original = try Original()
        let bytes = try #require(original.files["store.db"])
        let name = Array("v1Podpods".utf8)
        let row = try #require(bytes.indices.first { bytes[$0...].starts(with: name) })
        // The version and the plural are what objects are found by; the kind comes from the registry.
        for place in [row, row + 1] + Array((row + 5)..<(row + 9)) {
            for bit in UInt8(0)..<8 {
                var files = original.files
                files["store.db"]?[place] ^= 1 << bit
                let fate = try fate(of: files, original, "bit \(bit) of byte \(place)")
                #expect(fate != .whole, "bit \(bit) of byte \(place)")
            }
        }
    }

    @Test func `a store of the first schema is read and written as it is`() throws {
        let folder = try TemporaryFolder()
        let path = folder.path("store.db")
        try SQLiteStore(path: path).close()
        let connection = try Connection(path: path, vfs: nil)
        try connection.execute("PRAGMA user_version = 1")
        connection.close()
        for number in 1...2 {
            let store = try SQLiteStore(path: path)
            try store.put(podKey("pod-\(number)"), Int64(number))
            #expect(store.list(StoreScope(type: nil)).objects.count == number)
            store.close()
        }
    }

    @Test(arguments: ["store.db", "store.db-wal", "store.db-mark"])
    func `a file that is cut anywhere loses nothing in silence`(_ file: String) throws {
        let original = try Original()
        let bytes = try #require(original.files[file])
        let unit = file.hasSuffix("-wal") ? 24 + 4096 : file.hasSuffix("-mark") ? 1 : 4096
        let head = file.hasSuffix("-wal") ? 32 : 0
        let boundaries = stride(from: head, through: bytes.count, by: unit)
        let lengths = Set([0, 1] + boundaries.flatMap { [$0 - 1, $0, $0 + 1, $0 + unit / 2] })
        for length in lengths.filter({ $0 >= 0 && $0 < bytes.count }).sorted() {
            var files = original.files
            files[file] = Array(bytes.prefix(length))
            _ = try fate(of: files, original, "\(file), cut to \(length) bytes")
        }
    }

    @Test func `a file that is gone is noticed, but for the mark alone`() throws {
        let original = try Original()
        for file in ["store.db", "store.db-wal"] {
            var files = original.files
            files[file] = nil
            let outcome = try fate(of: files, original, "\(file), removed")
            #expect(outcome != .whole, "\(file)")
        }
        var files = original.files
        files["store.db-mark"] = nil
        #expect(try fate(of: files, original, "the mark, removed") == .whole)
    }

    /// Bytes 18 and 19 of the header are 2 with a log, and 1 without (https://www.sqlite.org/fileformat2.html, 1.3.3).
    @Test(arguments: [[18], [19], [18, 19]])
    func `a header that denies the log loses nothing in silence`(_ places: [Int]) throws {
        let original = try Original()
        var files = original.files
        for place in places {
            #expect(files["store.db"]?[place] == 2)
            files["store.db"]?[place] = 1
        }
        _ = try fate(of: files, original, "store.db, \(places) set to 1")
    }

    @Test func `a page that is torn, lost or older than the others loses nothing in silence`() throws {
        let original = try Original()
        let bytes = try #require(original.files["store.db"])
        for page in 0..<bytes.count / 4096 {
            let range = page * 4096..<(page + 1) * 4096
            let older = original.olderDatabase.count >= range.upperBound ? Array(original.olderDatabase[range]) : nil
            let zeros = [UInt8](repeating: 0, count: 4096)
            let versions = [("lost", zeros), ("old", older ?? zeros)]
            for (what, other) in versions {
                for first in [512, 2048, 4096] {
                    var files = original.files
                    files["store.db"]?.replaceSubrange(
                        range, with: Array(other[..<first]) + Array(bytes[range].dropFirst(first)))
                    _ = try fate(of: files, original, "page \(page), the first \(first) bytes \(what)")
                }
            }
        }
    }

    @Test func `what is wrong is told with the file's name`() throws {
        let original = try Original()
        var cut = original.files
        cut["store.db-wal"] = nil
        guard case .refused(let message) = try fate(of: cut, original, "no log") else {
            Issue.record("a cut log was not noticed")
            return
        }
        #expect(message.contains("was acknowledged: ") && message.hasSuffix("is missing, cut or damaged"), "\(message)")
    }
}
