import Controllers
import HTTP
import Model
import Store

/// A bug that is planted on purpose, one for each checker: a checker that does not find its own is worth nothing. They sit where the
/// simulation meets production code; production code knows nothing of them.
public enum Sabotage: String, CaseIterable, Sendable {
    /// 1: the disk says that the last writes are durable, and forgets them.
    case lyingDisk = "lying-disk"
    /// 2: reads are answered from the past.
    case staleAnswers = "stale-answers"
    /// 3: some changes never reach a watcher.
    case lossyWatches = "lossy-watches"
    /// 4: the statuses of some pods never arrive.
    case deafServer = "deaf-server"
    /// 5: nodes register anew for no reason.
    case idleWrites = "idle-writes"
    /// 8: pods are made twice.
    case twins = "twins"
    /// 18: a pod's phase is taken back.
    case backwards = "backwards"
    /// 19: every pod is placed on the first node.
    case blindPlacement = "blind-placement"
    /// 22: the volumes of some pods are not removed.
    case leakedVolumes = "leaked-volumes"
    /// 25: a deleted pod is stored once more.
    case resurrection
    /// 26: identities are given twice.
    case reusedUIDs = "reused-uids"
    /// 27: starting a container that was started starts another.
    case doubleStarts = "double-starts"
    /// 27: a status that is sent again is another one.
    case countingPatches = "counting-patches"
    /// 28: which identity and which version a request is meant for is not looked at.
    case anyIdentity = "any-identity"
    /// 44: watchers are never cut off.
    case boundlessWatches = "boundless-watches"
    /// 47: an App is let go of while its revisions are there.
    case earlyRelease = "early-release"
    /// 48: something is put into a namespace that does not exist.
    case straggler

    /// The invariants whose checker must find it.
    public var numbers: [Int] {
        switch self {
        case .lyingDisk: [1]
        case .staleAnswers: [2]
        case .lossyWatches: [3]
        case .deafServer: [4]
        case .idleWrites: [5]
        case .twins: [8]
        case .backwards: [18]
        case .blindPlacement: [19]
        case .leakedVolumes: [22]
        case .resurrection: [25]
        case .reusedUIDs: [26]
        case .doubleStarts, .countingPatches: [27]
        case .anyIdentity: [28]
        case .boundlessWatches: [44]
        case .earlyRelease: [47]
        case .straggler: [48]
        }
    }

    // MARK: - Tampering

    /// A transaction of the control plane, made wrong.
    func tampered(_ transaction: StoreTransaction, _ world: World) -> StoreTransaction {
        var transaction = transaction
        switch self {
        case .twins:
            for case .put(let key, var document) in transaction.writes
            where key.type == .pod && world.history.objects[key] == nil {
                let twin = ObjectKey(.pod, namespace: key.namespace, name: key.name + "-twin")
                document["metadata"]?["name"] = .string(twin.name)
                let uid = document["metadata"]?["uid"]?.string ?? ""
                document["metadata"]?["uid"] = .string(uid + "t")
                transaction.writes.append(.put(twin, document))
            }
        case .blindPlacement:
            transaction.writes = transaction.writes.map { write in
                guard case .put(let key, var document) = write, key.type == .pod, document["spec"]?["nodeName"] != nil,
                    world.history.objects[key]?.document["spec"]?["nodeName"] == nil
                else { return write }
                document["spec"]?["nodeName"] = "node-01"
                return .put(key, document)
            }
        case .resurrection:
            let deleted = world.history.commits.suffix(200).joined { $0.events }.last {
                $0.change == .deleted && $0.object.key.type == .configMap
            }
            if let deleted, world.history.objects[deleted.object.key] == nil {
                transaction.writes.append(.put(deleted.object.key, deleted.object.document))
            }
        case .earlyRelease:
            for case .put(let key, let document) in transaction.writes
            where key.type == .app && document["metadata"]?["deletionTimestamp"] != nil {
                transaction.writes.append(.delete(key))
            }
        case .straggler:
            let straggler = ObjectKey(.configMap, namespace: "nowhere", name: "straggler")
            let document: JSONValue = [
                "apiVersion": "v1", "kind": "ConfigMap",
                "metadata": ["name": "straggler", "namespace": "nowhere", "uid": "straggler"],
            ]
            if world.history.objects[straggler] == nil { transaction.writes.append(.put(straggler, document)) }
        default: break
        }
        return transaction
    }

    /// A request on its way from a node, made wrong; nil for one that is to be left alone.
    func tampered(_ request: HTTPRequest, _ world: World) -> HTTPRequest? {
        guard request.method != "GET", request.path.contains("/pods/"), var body = try? JSONValue(parsing: request.body)
        else {
            return nil
        }
        var request = request
        switch self {
        case .deafServer where request.path.hasSuffix("/status") && request.path.utf8.reduce(0, { $0 &+ $1 }) % 3 == 0:
            body["status"] = [:]
        case .backwards where body["status"]?["phase"]?.string == "Running":
            if world.draw("sabotage", { $0.below(10) == 0 }) { body["status"]?["phase"] = "Pending" }
        case .anyIdentity:
            body["metadata"]?["uid"] = nil
            body["metadata"]?["resourceVersion"] = nil
            body["preconditions"] = nil
        default: return nil
        }
        request.body = body.serialized()
        return request
    }
}

extension Collection {
    fileprivate func joined<Inner>(_ inner: (Element) -> [Inner]) -> [Inner] { flatMap(inner) }
}
