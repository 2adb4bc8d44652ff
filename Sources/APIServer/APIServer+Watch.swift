import HTTP
import Model
import Store
import Wire

extension APIServer {
    /// How long a watch lasts whose client does not say, in seconds.
    private static let defaultWatchSeconds = 1800...3600

    /// `GET` of a collection with `watch`.
    func watch(_ path: ResourcePath, _ exchange: Exchange) throws(APIStatus) {
        let request = exchange.request
        let selection = try Selection(request, type: path.type)
        let options = WatchOptions(
            type: path.type, selection: selection, view: try view(request),
            wantsBookmarks: ["true", "1"].contains(request.parameter("allowWatchBookmarks") ?? ""),
            timeoutSeconds: try number(request, "timeoutSeconds").flatMap { $0 == 0 ? nil : $0 }
                ?? Int.random(in: Self.defaultWatchSeconds))
        let start = try start(of: request, options)
        let scope = selection.scope(path)
        let watcher: Watcher
        let storeWatch: any StoreWatch
        do throws(StoreError) {
            (watcher, storeWatch) = try open(scope, start, options)
        } catch {
            throw Self.status(error)
        }
        watcher.connect(exchange.stream(type: "application/json"), storeWatch)
    }

    /// Where a watch begins.
    private enum Start {
        /// With what is stored now, and a mark where that ends if the client wants one.
        case state(marksEnd: Bool)
        /// After a revision.
        case after(StoreRevision)
        /// With the next change.
        case now
    }

    private func start(of request: HTTPRequest, _ options: WatchOptions) throws(APIStatus) -> Start {
        let version = request.parameter("resourceVersion") ?? ""
        if let initial = request.parameter("sendInitialEvents"), !initial.isEmpty {
            guard request.parameter("resourceVersionMatch") == "NotOlderThan" else {
                throw APIStatus(
                    code: 422, reason: "Invalid",
                    message: "sendInitialEvents requires resourceVersionMatch=NotOlderThan")
            }
            if initial == "true" { return .state(marksEnd: options.wantsBookmarks) }
            if version.isEmpty || version == "0" { return .now }
        }
        guard !version.isEmpty, version != "0" else { return .state(marksEnd: false) }
        guard let revision = StoreRevision(version) else {
            throw .badRequest("the resource version \"\(version)\" is not valid")
        }
        return .after(revision)
    }

    /// Starts the store's watch; what it delivers is queued until the client is connected.
    private func open(
        _ scope: StoreScope, _ start: Start, _ options: WatchOptions
    ) throws(StoreError) -> (Watcher, any StoreWatch) {
        let revision: StoreRevision
        var objects: [StoredObject] = []
        var endMark: StoreRevision?
        switch start {
        case .after(let given): revision = given
        case .now: revision = store.revision
        case .state(let marksEnd):
            (objects, revision) = store.list(scope)
            endMark = marksEnd ? revision : nil
        }
        if case .after(let given) = start, given > 0, given <= store.revision {
            // From one revision before; where that is forgotten already, the client has nothing to lose but that revision.
            let watcher = Watcher(hub, options, from: revision, resumed: given)
            if let storeWatch = try? store.watch(scope, after: given - 1, deliver: { watcher.take($0) }) {
                return (watcher, storeWatch)
            }
        }
        let watcher = Watcher(hub, options, from: revision)
        if !objects.isEmpty || endMark != nil { watcher.begin(with: objects, endMark: endMark) }
        let storeWatch = try store.watch(scope, after: revision) { watcher.take($0) }
        return (watcher, storeWatch)
    }
}
