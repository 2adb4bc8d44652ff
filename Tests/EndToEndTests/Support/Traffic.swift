import Client
import Consistency
import Glibc
import Linux
import Model
import Threads

/// The machine's monotonic clock in nanoseconds (clock_gettime(2)): one clock for all threads of the test.
func monotonicNanoseconds() -> UInt64 {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
}

/// What the clients and watchers of one run share: how the server is reached now, and what was recorded.
final class Traffic: Sendable {
    struct State: Sendable {
        /// Nil while there is no server.
        var server: ClientConfig?
        /// How often a server was started.
        var generation = 0
        /// The clients have to end.
        var isOver = false
        /// The revision that watchers have to reach before they end; nil while they go on.
        var lastRevision: UInt64?
        var operations: [Operation] = []
        var records: [WatchRecord] = []
        /// What should not have happened, in words.
        var surprises: [String] = []
    }

    static let namespace = "registers"
    /// The registers; those of the group are also deleted together.
    static let keys = ["r0", "r1", "r2", "g0", "g1", "g2"]
    static func isOfGroup(_ key: String) -> Bool { key.hasPrefix("g") }

    let state = Monitor(State())

    /// Waits for a server that was not known yet; nil when the run is over.
    func server(after generation: Int, isWatcher: Bool) -> (config: ClientConfig, generation: Int)? {
        let found = state.wait { state -> (ClientConfig, Int)?? in
            if isWatcher ? state.lastRevision != nil && state.server == nil : state.isOver { return .some(nil) }
            guard let server = state.server, state.generation > generation else { return nil }
            return (server, state.generation)
        }
        return found ?? nil
    }

    func record(_ operation: Operation) { state.change { $0.operations.append(operation) } }

    func record(surprise: String) { state.change { $0.surprises.append(surprise) } }

    var isOver: Bool { state.wait(atMost: .zero) { $0.isOver ? true : nil } ?? false }

    /// The document of a register.
    static func document(_ key: String, _ value: String, version: String? = nil) -> JSONValue {
        var document: JSONValue = [
            "apiVersion": "v1", "kind": "ConfigMap",
            "metadata": [
                "name": .string(key), "namespace": .string(namespace),
                "labels": ["group": .string(isOfGroup(key) ? "g" : "r")],
            ], "data": ["v": .string(value)],
        ]
        if let version { document["metadata"]?["resourceVersion"] = .string(version) }
        return document
    }
}

extension JSONValue {
    /// What a register's document holds.
    var registerValue: String? { self["data"]?["v"]?.string }
    /// `metadata.resourceVersion`.
    var version: String? { self["metadata"]?["resourceVersion"]?.string }
}
