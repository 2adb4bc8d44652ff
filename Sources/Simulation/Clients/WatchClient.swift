import Client
import Model
import Store
import Wire

/// A client that lists and watches, resumes where it was cut off, and tells the checkers what it sees.
final class WatchClient {
    private unowned let world: World
    let name: String
    /// What it watches.
    let type: ResourceType
    let namespace: String?
    let labelSelector: String?
    private let client: SimulatedClient
    private let isSlow: Bool
    private var stream: WatchStream?
    /// Where it goes on; nil when it must list.
    private var revision: StoreRevision?

    init(
        _ world: World, name: String, type: ResourceType, namespace: String? = nil, labelSelector: String? = nil,
        isSlow: Bool = false
    ) {
        self.world = world
        self.name = name
        self.type = type
        self.namespace = namespace
        self.labelSelector = labelSelector
        self.isSlow = isSlow
        client = SimulatedClient(world, name: name, groups: ["system:masters"])
    }

    /// The watchers of every simulation.
    static func all(in world: World) -> [WatchClient] {
        [
            WatchClient(world, name: "watcher-pods", type: .pod),
            WatchClient(world, name: "watcher-shop", type: .pod, namespace: "shop"),
            WatchClient(world, name: "watcher-web", type: .pod, labelSelector: "martlet.dev/app=web,tier!=3"),
            WatchClient(world, name: "watcher-apps", type: .app),
            WatchClient(world, name: "watcher-slow", type: .pod, isSlow: true),
        ]
    }

    /// Whether it wants to see a document.
    func wants(_ document: JSONValue) -> Bool {
        if let namespace, document["metadata"]?["namespace"]?.string != namespace { return false }
        guard let labelSelector, let query = try? LabelQuery(labelSelector) else { return true }
        return query.matches(document["metadata"]?["labels"]?.object)
    }

    func begin() { world.after(.milliseconds(500)) { [unowned self] in connect() } }

    private func again() {
        stream = nil
        world.after(world.draw(name) { $0.span(.milliseconds(100)...(.seconds(3))) }) { [unowned self] in connect() }
    }

    private func connect() {
        guard revision != nil || list(), let revision else { return again() }
        var query = "?watch=true&allowWatchBookmarks=true&timeoutSeconds=900&resourceVersion=\(revision)"
        if let labelSelector {
            let escaped = labelSelector.map { ["=": "%3D", ",": "%2C", "/": "%2F", "!": "%21"][$0] ?? String($0) }
                .joined()
            query += "&labelSelector=\(escaped)"
        }
        let rate = isSlow ? world.strength(.slowWatcher) : 0
        let pace = rate > 0 ? TimeSpan(nanoseconds: 1_000_000_000 / Int64(rate)) : nil
        let stream = WatchStream(world, lane: name, pace: pace) { [unowned self] in receive($0) }
        guard client.watch(type.path(namespace: namespace) + query, stream) else {
            // Refused: most likely because the history is gone.
            self.revision = nil
            tell(.ended(expired: true))
            return again()
        }
        self.stream = stream
    }

    private func list() -> Bool {
        let selection = ListSelection {
            $0.namespace = namespace
            $0.labelSelector = labelSelector
        }
        guard let list = try? client.list(type, selection), let revision = StoreRevision(list.resourceVersion) else {
            return false
        }
        self.revision = revision
        tell(.listed(list.items, revision: revision))
        return true
    }

    private func tell(_ sight: WatchSight) { world.observe(.watched(self, sight)) }

    private func receive(_ arrival: WatchStream.Arrival) {
        guard case .message(let bytes) = arrival else {
            tell(.ended(expired: false))
            return again()
        }
        guard let event = try? JSONValue(parsing: bytes), let object = event["object"] else { return }
        let version = object["metadata"]?["resourceVersion"]?.string.flatMap { StoreRevision($0) }
        switch event["type"]?.string {
        case "BOOKMARK":
            guard let version else { return }
            revision = version
            tell(.bookmark(version))
        case "ERROR":
            revision = nil
            tell(.ended(expired: true))
            stream?.abandon()
            again()
        case let type?:
            if let version {
                revision = version
                world.history.acknowledge(version)
            }
            tell(.event(type: type, object: object))
        case nil: break
        }
    }
}
