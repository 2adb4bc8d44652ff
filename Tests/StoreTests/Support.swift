import Glibc
import Model
import Testing
import Threads

@testable import Store

/// The two stores, which one suite holds to the same behaviour.
enum Backend: CaseIterable, CustomTestStringConvertible, Sendable {
    case memory, sqlite

    var testDescription: String { self == .memory ? "memory" : "SQLite" }

    /// Runs a body on a fresh store, which is closed and removed after it.
    func withStore(
        options: StoreOptions = StoreOptions(), _ body: (any Store) throws -> Void
    ) throws {
        switch self {
        case .memory:
            let store = MemoryStore(options: options)
            defer { store.close() }
            try body(store)
        case .sqlite:
            let folder = try TemporaryFolder()
            let store = try SQLiteStore(path: folder.path("store.db"), options: options)
            defer { store.close() }
            try body(store)
        }
    }
}

/// A folder below /tmp that goes, with its files, when it is released.
final class TemporaryFolder: Sendable {
    struct Failure: Error {}

    let path: String

    init() throws {
        var template = Array("/tmp/martlet-test-store-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else { throw Failure() }
        path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    deinit {
        for file in files { unlink(path(file)) }
        rmdir(path)
    }

    func path(_ name: String) -> String { "\(path)/\(name)" }

    /// The names of the files in it, sorted.
    var files: [String] {
        guard let folder = opendir(path) else { return [] }
        defer { closedir(folder) }
        var names: [String] = []
        while let entry = readdir(folder) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if name != "." && name != ".." { names.append(name) }
        }
        return names.sorted()
    }
}

/// Whole files, for tests that damage them.
enum Files {
    static func read(_ path: String) -> [UInt8] {
        guard let file = fopen(path, "re") else { return [] }
        defer { fclose(file) }
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 65536)
        while true {
            let count = fread(&chunk, 1, chunk.count, file)
            guard count > 0 else { return bytes }
            bytes += chunk[..<count]
        }
    }

    static func write(_ bytes: [UInt8], to path: String) throws {
        guard let file = fopen(path, "we") else { throw TemporaryFolder.Failure() }
        defer { fclose(file) }
        guard fwrite(bytes, 1, bytes.count, file) == bytes.count else { throw TemporaryFolder.Failure() }
    }
}

/// Runs a body in several threads and waits for all of them.
func inThreads(_ count: Int, _ body: @escaping @Sendable (Int) -> Void) throws {
    let ends = (0..<count).map { _ in Promise<Void>() }
    for (number, end) in ends.enumerated() {
        try Thread.detach {
            body(number)
            end.fulfil(())
        }
    }
    for end in ends { end.wait() }
}

/// The key of a pod.
func podKey(_ name: String, in namespace: String = "shop") -> ObjectKey {
    ObjectKey(.pod, namespace: namespace, name: name)
}

/// A document with a value to tell versions apart.
func document(_ key: ObjectKey, _ value: Int64 = 0, uid: String? = nil) -> JSONValue {
    [
        "apiVersion": .string(key.type.apiVersion), "kind": .string(key.type.kind),
        "metadata": [
            "name": .string(key.name), "namespace": .string(key.namespace),
            "uid": .string(uid ?? "uid-\(key.name)"),
        ],
        "spec": ["value": .integer(value)],
    ]
}

extension Store {
    /// Stores a document of a pod.
    @discardableResult
    func put(_ key: ObjectKey, _ value: Int64 = 0) throws(StoreError) -> StoreCommit {
        try commit(StoreTransaction(writes: [.put(key, document(key, value))]))
    }

    /// Removes an object.
    @discardableResult
    func delete(_ key: ObjectKey) throws(StoreError) -> StoreCommit {
        try commit(StoreTransaction(writes: [.delete(key)]))
    }

    /// The value of a document that `put` stored.
    func value(_ key: ObjectKey) -> Int64? { get(key)?.document["spec"]?["value"]?.integer }
}

extension StoredObject {
    /// Everything about it in one line, for comparisons.
    var line: String { "\(key)@\(revision) \(document.canonical.text())" }
}

extension StoreEvent {
    /// Everything about it in one line, for comparisons.
    var line: String { "\(change) \(object.line) was \(previous?.line ?? "nothing")" }
}
