import Client
import Consistency
import Model
import Threads

/// One watcher of registers that goes on where it was when its connection ends, whoever ended it.
struct RegisterWatcher {
    let traffic: Traffic
    let selection: ListSelection
    /// After how long it has the server end a watch: that is when a bookmark comes.
    let seconds: Int
    private var record: WatchRecord
    private var told: UInt64

    init(
        _ traffic: Traffic, name: String, seconds: Int, after: UInt64, scope: @escaping @Sendable (String) -> Bool,
        _ select: (inout ListSelection) -> Void = { _ in }
    ) {
        self.traffic = traffic
        self.seconds = seconds
        var selection = ListSelection()
        selection.namespace = Traffic.namespace
        select(&selection)
        self.selection = selection
        record = WatchRecord(name: name, scope: scope)
        told = after
    }

    /// Goes on until everything was told.
    mutating func run() {
        var generation = 0
        while let next = traffic.server(after: generation, isWatcher: true) {
            generation = next.generation
            guard let api = try? CurlClient(next.config) else { break }
            if followed(api) { break }
        }
        let record = record
        traffic.state.change { $0.records.append(record) }
    }

    /// Watches until the server is gone (false) or everything was told (true).
    private mutating func followed(_ api: any APIClient) -> Bool {
        while true {
            record.connections.append(WatchRecord.Connection(after: told))
            do throws(ClientError) {
                try api.watch(.configMap, selection, resourceVersion: String(told), timeoutSeconds: seconds) { event in
                    take(event)
                    return true
                }
            } catch {
                if case .unreachable = error { return false }
                traffic.record(surprise: "\(record.name): \(error)")
                return true
            }
            if let last = traffic.state.wait(atMost: .zero, { $0.lastRevision }), told >= last {
                record.awaited = last
                return true
            }
        }
    }

    private mutating func take(_ event: WatchEvent) {
        guard let revision = UInt64(event.resourceVersion) else {
            return traffic.record(surprise: "\(record.name): an event without a resource version")
        }
        told = revision
        switch event {
        case .added(let object): add(object, .added, revision)
        case .modified(let object): add(object, .modified, revision)
        case .deleted(let object): add(object, .deleted, revision)
        case .bookmark: record.connections[record.connections.count - 1].deliveries.append(.bookmark(revision))
        }
    }

    /// Adds a change; those of one revision came together, as a transaction's do.
    private mutating func add(_ object: JSONValue, _ kind: Change.Kind, _ revision: UInt64) {
        let value = object.registerValue
        // Of a deletion the API tells the last object: the value before.
        let change = Change(
            key: object["metadata"]?["name"]?.string ?? "", revision: revision, kind: kind,
            value: kind == .deleted ? nil : value,
            before: kind == .deleted ? value.map { .value($0) } ?? .nothing : .untold)
        let connection = record.connections.count - 1
        var deliveries = record.connections[connection].deliveries
        if case .changes(let changes)? = deliveries.last, changes.last?.revision == revision {
            deliveries[deliveries.count - 1] = .changes(changes + [change])
        } else {
            deliveries.append(.changes([change]))
        }
        record.connections[connection].deliveries = deliveries
    }
}
