import Agent
import Client
import Model
import Synchronization
import Threads

/// The agent's side of the API, over the API's client.
package final class NodeAPIConnection: AgentConnection {
    private let api: ClusterAPI
    private let clock: @Sendable () -> Timestamp
    /// Events that were recorded, by what makes them the same, so that a repetition counts one up.
    private let recorded = Mutex<[EventKey: Recorded]>([:])

    /// The version of each pod's object that its last status made, by uid. Every status names the version that it follows, so that a
    /// request that was held up on its way, and arrives after a newer one, is refused.
    private let versions = Mutex<[String: UInt64]>([:])

    private struct EventKey: Hashable {
        var podUID: String
        var reason: String
        var message: String
    }

    private struct Recorded {
        var name: String
        var count: Int
        var first: Timestamp
    }

    /// How many events are remembered at most; then all are forgotten and counting starts anew.
    private static let memoryLimit = 4096

    /// Makes the connection.
    ///
    /// - Parameter clock: the present moment, for events and conditions.
    package init(_ client: any APIClient, clock: @escaping @Sendable () -> Timestamp = { MachineClock.wall }) {
        api = ClusterAPI(client: client, namespace: "default")
        self.clock = clock
    }

    /// Selects the pods of a node.
    package static func selection(node: String) -> ListSelection {
        ListSelection { $0.fieldSelector = "spec.nodeName=\(node)" }
    }

    /// What a change of the API is to the agent; nil for none.
    package static func change(_ event: WatchEvent) -> PodChange? {
        switch event {
        case .added(let object), .modified(let object): return (try? Pod(json: object)).map { .changed($0) }
        case .deleted(let object): return .removed(uid: object["metadata"]?["uid"]?.string ?? "")
        case .bookmark: return nil
        }
    }

    package func watchPods(node: String, _ handler: (PodChange) -> Bool) throws(ConnectionError) {
        try watchPods(Self.selection(node: node), handler)
    }

    package func watchPods(_ handler: (PodChange) -> Bool) throws(ConnectionError) {
        try watchPods(ListSelection(), handler)
    }

    package func watchApps(_ handler: (AppChange) -> Bool) throws(ConnectionError) {
        try translated {
            let apps = try api.client.list(App.self, ListSelection())
            guard handler(.all(apps.items)) else { return }
            try api.client.watch(.app, ListSelection(), resourceVersion: apps.resourceVersion) { event in
                switch event {
                case .added(let object), .modified(let object):
                    return (try? App(json: object)).map { handler(.changed($0)) } ?? true
                case .deleted(let object): return (try? App(json: object)).map { handler(.removed($0.key)) } ?? true
                case .bookmark: return true
                }
            }
        }
    }

    private func watchPods(_ selection: ListSelection, _ handler: (PodChange) -> Bool) throws(ConnectionError) {
        try translated {
            let pods = try api.client.list(Pod.self, selection)
            guard handler(.all(pods.items)) else { return }
            try api.client.watch(.pod, selection, resourceVersion: pods.resourceVersion) { event in
                Self.change(event).map(handler) ?? true
            }
        }
    }

    package func update(_ status: PodStatus, of pod: Pod) throws(ConnectionError) {
        try translated {
            var document = status.json
            // A merge patch leaves out what it does not name; what is no longer so is taken back by null.
            for name in ["reason", "message", "podIP", "userRange", "initContainerStatuses", "containerStatuses"]
            where document[name] == nil { document[name] = .null }
            var version = knownVersion(of: pod)
            for _ in 1...4 {
                do {
                    return try send(document, of: pod, following: version)
                } catch ClientError.status(code: 409, _, let message, _) where version != nil {
                    let live = try api.client.get(Pod.self, namespace: pod.namespace, name: pod.name)
                    guard live.uid == pod.uid else { throw ConnectionError.notFound(message) }
                    version = live.metadata.resourceVersion.flatMap { UInt64($0) }
                }
            }
            throw ConnectionError.unreachable("the pod changes too often")
        }
    }

    /// The newest version of a pod's object that is known here.
    private func knownVersion(of pod: Pod) -> UInt64? {
        let seen = pod.metadata.resourceVersion.flatMap { UInt64($0) }
        return [seen, versions.withLock { $0[pod.uid] }].compactMap { $0 }.max()
    }

    private func send(_ status: JSONValue, of pod: Pod, following version: UInt64?) throws {
        let path = ResourceType.pod.path(namespace: pod.namespace, name: pod.name, subresource: "status")
        var body: JSONValue = ["metadata": ["uid": .string(pod.uid)], "status": status]
        if let version { body["metadata"]?["resourceVersion"] = .string(String(version)) }
        let made = try api.request("PATCH", path, contentType: PatchType.merge.rawValue, body: body).document
        let next = made["metadata"]?["resourceVersion"]?.string.flatMap { UInt64($0) }
        versions.withLock { versions in
            if versions.count >= Self.memoryLimit { versions = [:] }
            versions[pod.uid] = next
        }
    }

    package func release(_ pod: Pod) throws(ConnectionError) {
        try translated {
            let body: JSONValue = [
                "kind": "DeleteOptions", "apiVersion": "v1", "gracePeriodSeconds": 0,
                "preconditions": ["uid": .string(pod.uid)],
            ]
            _ = try api.request("DELETE", ResourceType.pod.path(namespace: pod.namespace, name: pod.name), body: body)
            versions.withLock { $0[pod.uid] = nil }
        }
    }

    package func secret(namespace: String, name: String) throws(ConnectionError) -> [String: [UInt8]] {
        try translated {
            try api.client.get(Secret.self, namespace: namespace, name: name).data.mapValues {
                Base64.decode($0) ?? []
            }
        }
    }

    package func configMap(namespace: String, name: String) throws(ConnectionError) -> [String: [UInt8]] {
        try translated {
            let object = try api.client.get(ConfigMap.self, namespace: namespace, name: name)
            let binary = object.binaryData.mapValues { Base64.decode($0) ?? [] }
            return object.data.mapValues { Array($0.utf8) }.merging(binary) { text, _ in text }
        }
    }

    package func register(_ node: Node) throws(ConnectionError) {
        try translated {
            let path = ResourceType.node.path(namespace: nil, name: node.name)
            let live = try api.find(.node, namespace: "", name: node.name)
            if live == nil { _ = try api.request("POST", ResourceType.node.path(namespace: nil), body: node.document) }
            let known = try live.map { try Node(json: $0) }
            var status = node.status ?? NodeStatus()
            // Times of conditions are kept while the conditions hold, so that an unchanged node writes nothing.
            var conditions = known?.status?.conditions ?? []
            for condition in status.conditions { conditions.set(condition, now: clock()) }
            status.conditions = conditions
            let labels = node.metadata.labels.filter { known?.metadata.labels[$0.key] != $0.value }
            if live != nil, !labels.isEmpty || known?.spec?.podCIDR != node.spec?.podCIDR {
                let body: JSONValue = [
                    "metadata": ["labels": labels.json],
                    "spec": ["podCIDR": node.spec?.podCIDR.map(JSONValue.string) ?? .null],
                ]
                _ = try api.request("PATCH", path, contentType: PatchType.merge.rawValue, body: body)
            }
            guard known?.status != status else { return }
            _ = try api.request(
                "PATCH", path + "/status", contentType: PatchType.merge.rawValue, body: ["status": status.json])
        }
    }

    package func record(_ event: PodEvent, of pod: Pod, node: String) throws(ConnectionError) {
        let key = EventKey(podUID: pod.uid, reason: event.reason, message: event.message)
        let now = Timestamp(seconds: clock().seconds)
        let known = recorded.withLock { $0[key] }
        try translated {
            if let known {
                let path = ResourceType.event.path(namespace: pod.namespace, name: known.name)
                let body: JSONValue = [
                    "count": .integer(Int64(known.count + 1)), "lastTimestamp": .string(now.description),
                ]
                if (try? api.request("PATCH", path, contentType: PatchType.merge.rawValue, body: body)) != nil {
                    recorded.withLock { $0[key]?.count += 1 }
                    return
                }
            }
            let document = Self.document(event, of: pod, node: node, now: now)
            let made = try api.request("POST", ResourceType.event.path(namespace: pod.namespace), body: document)
                .document
            recorded.withLock { memory in
                if memory.count >= Self.memoryLimit { memory = [:] }
                memory[key] = Recorded(name: made["metadata"]?["name"]?.string ?? "", count: 1, first: now)
            }
        }
    }

    private static func document(_ event: PodEvent, of pod: Pod, node: String, now: Timestamp) -> JSONValue {
        Event {
            $0.metadata.name = "\(pod.name).\(mark(of: event, pod, now))"
            $0.metadata.namespace = pod.namespace
            $0.involvedObject = ObjectReference {
                $0.apiVersion = "v1"
                $0.kind = "Pod"
                $0.namespace = pod.namespace
                $0.name = pod.name
                $0.uid = pod.uid
                $0.fieldPath = event.container.map { "spec.containers{\($0)}" }
            }
            $0.reason = event.reason
            $0.message = event.message
            $0.type = event.isWarning ? "Warning" : "Normal"
            $0.count = 1
            $0.firstTimestamp = now
            $0.lastTimestamp = now
            $0.source = EventSource { ($0.component, $0.host) = ("martlet-agent", node) }
        }.document
    }

    /// Sixteen hexadecimal digits that tell a pod's events apart (FNV-1a).
    private static func mark(of event: PodEvent, _ pod: Pod, _ now: Timestamp) -> String {
        let text = "\(pod.uid)\n\(event.reason)\n\(event.message)\n\(now.nanoseconds)"
        let hash = text.utf8.reduce(UInt64(0xCBF2_9CE4_8422_2325)) { ($0 ^ UInt64($1)) &* 0x100_0000_01B3 }
        let digits = String(hash, radix: 16)
        return String(repeating: "0", count: 16 - digits.count) + digits
    }

    /// Turns a client's errors into what the agent tells apart.
    private func translated<Result>(_ body: () throws -> Result) throws(ConnectionError) -> Result {
        do {
            return try body()
        } catch let error as ConnectionError {
            throw error
        } catch ClientError.unreachable(let text) {
            throw .unreachable(text)
        } catch ClientError.status(let code, _, let message, _) {
            if code == 404 || code == 409 { throw .notFound(message) }
            if code >= 500 || code == 429 { throw .unreachable(message) }
            throw .refused(message)
        } catch {
            throw .unreachable("\(error)")
        }
    }
}
