import Glibc
import Model
import Testing

@testable import Store

@Suite struct `opening a store` {
    private func refusal(_ path: String) -> String {
        do throws(StoreError) {
            try SQLiteStore(path: path).close()
            return "opened"
        } catch {
            guard case .corrupt(let message) = error else { return "\(error)" }
            return message
        }
    }

    /// A closed store with some objects in it.
    private func filled() throws -> (TemporaryFolder, String) {
        let folder = try TemporaryFolder()
        let path = folder.path("store.db")
        let store = try SQLiteStore(path: path)
        for number in 0..<200 { try store.put(podKey("pod-\(number)"), Int64(number)) }
        store.close()
        return (folder, path)
    }

    @Test func `a file that is in use is refused by name`() throws {
        let folder = try TemporaryFolder()
        let path = folder.path("store.db")
        let store = try SQLiteStore(path: path)
        #expect(refusal(path) == "database \(path) is in use by another process: stop that one first")
        try store.put(podKey("web"))
        store.close()
        #expect(refusal(path) == "opened")
    }

    @Test func `a file in a folder that is not there is refused by name`() throws {
        let folder = try TemporaryFolder()
        let path = folder.path("none/store.db")
        #expect(
            refusal(path) == "cannot open database \(path): unable to open database file (No such file or directory)")
    }

    @Test func `a schema of a newer version is refused`() throws {
        let (folder, path) = try filled()
        let connection = try Connection(path: path, vfs: nil)
        try connection.execute("PRAGMA user_version = 3")
        connection.close()
        #expect(
            refusal(path)
                == "database \(path) has schema version 3 and this martlet knows up to 2: "
                + "it was written by a newer one, run that")
        withExtendedLifetime(folder) {}
    }

    @Test func `another program's database is refused and left alone`() throws {
        let folder = try TemporaryFolder()
        let path = folder.path("other.db")
        let connection = try Connection(path: path, vfs: nil)
        try connection.execute("CREATE TABLE music(song TEXT)")
        connection.close()
        let before = Files.read(path)
        #expect(refusal(path) == "database \(path) is not a martlet store")
        let isUnchanged = Files.read(path) == before
        #expect(isUnchanged)
    }

    @Test func `a file that is no database is refused and left alone`() throws {
        let folder = try TemporaryFolder()
        let path = folder.path("text.db")
        let text = [UInt8](repeating: UInt8(ascii: "x"), count: 8192)
        try Files.write(text, to: path)
        #expect(refusal(path) == "\(path) is not a SQLite database")
        let isUnchanged = Files.read(path) == text
        #expect(isUnchanged)
    }

    @Test func `a cut file is refused as damaged`() throws {
        let (folder, path) = try filled()
        let bytes = Files.read(path)
        try Files.write(Array(bytes.prefix(bytes.count / 2)), to: path)
        unlink(path + "-wal")
        #expect(refusal(path).contains("database \(path) is damaged"))
        withExtendedLifetime(folder) {}
    }

    @Test func `a changed byte in a document is noticed`() throws {
        let (folder, path) = try filled()
        unlink(path + "-wal")
        var bytes = Files.read(path)
        let needle = Array("uid-pod-77\"".utf8)
        let place = try #require(bytes.indices.first { bytes[$0...].starts(with: needle) })
        bytes[place + needle.count - 2] ^= 1
        try Files.write(bytes, to: path)
        #expect(
            refusal(path) == "database \(path) is damaged at revision 78, shop/pod-77: its checksum is wrong")
        withExtendedLifetime(folder) {}
    }
}
