import Client
import Manifest
import Model
import Wire

/// `martlet describe`: shows everything worth knowing of an object, with the reason for every wait.
enum DescribeCommand {
    static let command = Command(
        path: ["describe"], summary: "Show an object in detail, with its events",
        usage: "TYPE NAME... | TYPE/NAME... | TYPE",
        options: [.selector, .allNamespaces],
        examples: ["martlet describe app web", "martlet describe pod/web-7d9fcb5c2x-abcde", "martlet describe nodes"],
        run: run)

    private static func run(_ call: Invocation) throws -> Int32 {
        let targets = try Targets(call.arguments)
        let api = try call.connect()
        var isFirst = true
        var code: Int32 = 0
        for group in targets.groups {
            let namespace = call.flag("all-namespaces") ? nil : api.namespace
            var objects: [JSONValue] = []
            if group.names.isEmpty {
                objects = try api.list(group.type, namespace: namespace, labels: call.value("selector"))
            }
            for name in group.names {
                do {
                    objects.append(try api.get(group.type, namespace: api.namespace, name: name))
                } catch let error as Missing {
                    code = call.report(error)
                }
            }
            for object in objects {
                if !isFirst { call.context.print("\n") }
                isFirst = false
                call.context.output(
                    try Description(
                        api: api, object: object, type: group.type, now: call.context.clock.wall()
                    ).text())
            }
        }
        return code
    }
}

/// The text of `describe` for one object.
struct Description {
    let api: ClusterAPI
    let object: JSONValue
    let type: ResourceType
    /// What ages are counted to.
    let now: Timestamp

    /// The whole page.
    func text() throws -> String {
        var page = DescriptionPage()
        page.metadata(object)
        switch type {
        case .app: try describe(App(json: object), &page)
        case .pod: describe(try Pod(json: object), &page)
        case .node: try describe(Node(json: object), &page)
        case .secret: describeSecret(&page)
        default:
            for member in object.object?.members ?? [] where !["apiVersion", "kind", "metadata"].contains(member.name) {
                page.block(member.name, JSONValue.object([member.name: member.value]).yaml)
            }
        }
        try events(&page)
        return page.text
    }

    // MARK: - Apps

    private func describe(_ app: App, _ page: inout DescriptionPage) throws {
        let status = app.status ?? AppStatus()
        page.field("Image", app.spec.image)
        for image in status.images where image.reference == app.spec.image {
            if let digest = image.digest { page.field("Digest", digest) }
        }
        page.field("Replicas", replicas(app, status))
        page.field("Revision", status.currentRevision ?? "<none>")
        if let stable = status.stableRevision, stable != status.currentRevision {
            page.field("Stable revision", stable)
        }
        page.field("Strategy", strategy(app))
        let ports = app.spec.ports.map { "\($0.name) \($0.port)/\($0.protocol ?? "HTTP")" }
        if !ports.isEmpty { page.field("Ports", ports.joined(separator: ", ")) }
        if let address = status.virtualAddress { page.field("Address", "\(address) (\(app.name).\(app.namespace))") }
        let routes = app.spec.routes.map { route in
            (route.tls == nil ? "http://" : "https://") + "\(RouteKey(host: route.host, path: route.path ?? "/"))"
        }
        if !routes.isEmpty { page.field("Routes", routes.joined(separator: ", ")) }
        page.conditions(status.conditions)
        let pending = FieldStatus.notYetInEffect(in: object, type: .app)
        if !pending.isEmpty {
            page.block(
                "Not in effect yet",
                pending.map { "\($0)\n" }.joined()
                    + "(accepted and stored; this version does not act on these fields)\n")
        }
        let pods = try api.list(Pod.self, namespace: app.namespace, labels: "\(WellKnown.appLabel)=\(app.name)")
        var table = TextTable(headers: ["POD", "REVISION", "READY", "RESTARTS", "IP", "WHY NOT READY"])
        for pod in pods.sorted(by: { $0.name < $1.name }) {
            let ready = pod.status?.conditions["Ready"]
            let restarts = (pod.status?.containerStatuses ?? []).map(\.restartCount).reduce(0, +)
            table.rows.append([
                pod.name, pod.metadata.labels[WellKnown.revisionLabel] ?? "", ready?.status ?? "False", "\(restarts)",
                pod.status?.podIP ?? "<none>", ready?.status == "True" ? "" : PodTrouble(pod).text,
            ])
        }
        page.block("Pods", pods.isEmpty ? "<none>\n" : table.text())
    }

    private func replicas(_ app: App, _ status: AppStatus) -> String {
        let desired = app.spec.replicas.map(String.init) ?? "autoscaled"
        return "\(desired) desired, \(status.updatedReplicas ?? 0) updated, \(status.replicas ?? 0) total, "
            + "\(status.readyReplicas ?? 0) ready, \(status.availableReplicas ?? 0) available"
    }

    private func strategy(_ app: App) -> String {
        let rollout = app.spec.rollout ?? RolloutSpec()
        let surge = rollout.maxSurge?.description ?? "25%"
        let unavailable = rollout.maxUnavailable?.description ?? "0"
        return "\(rollout.strategy ?? "Rolling"), at most \(surge) more and \(unavailable) fewer than desired"
    }

    // MARK: - Other kinds

    private func describe(_ node: Node, _ page: inout DescriptionPage) throws {
        let status = node.status ?? NodeStatus()
        if node.spec?.unschedulable == true { page.field("Unschedulable", "true") }
        for address in status.addresses { page.field(address.type, address.address) }
        if let info = status.nodeInfo {
            page.field("System", "\(info.osImage), Linux \(info.kernelVersion), \(info.architecture)")
            page.field("Agent", info.kubeletVersion)
        }
        page.conditions(status.conditions)
        let pods = try api.list(Pod.self, namespace: nil, fields: "spec.nodeName=\(node.name)")
        var table = TextTable(headers: ["RESOURCE", "CAPACITY", "ALLOCATABLE", "REQUESTED"])
        for name in status.capacity.keys.sorted() {
            let requested = pods.flatMap(\.spec.containers).compactMap { $0.resources?.requests[name]?.thousandths }
                .reduce(0, +)
            let text =
                switch name {
                case "cpu": Quantity.millicores(requested).text
                case "pods": "\(pods.count)"
                default: Quantity.bytes(requested / 1000).text
                }
            table.rows.append([name, status.capacity[name]?.text ?? "", status.allocatable[name]?.text ?? "", text])
        }
        page.block("Resources", table.text())
        page.block("Pods", pods.isEmpty ? "<none>\n" : pods.map { "\($0.namespace)/\($0.name)\n" }.sorted().joined())
    }

    /// Names and sizes of a Secret's keys; never their values.
    private func describeSecret(_ page: inout DescriptionPage) {
        page.field("Type", object["type"]?.string ?? "Opaque")
        let keys = object["data"]?.object?.members ?? []
        page.block(
            "Data",
            keys.map { key in "\(key.name): \((Base64.decode(key.value.string ?? "") ?? []).count) bytes\n" }.joined())
    }

    private func events(_ page: inout DescriptionPage) throws {
        guard let uid = object["metadata"]?["uid"]?.string else { return }
        let events = try api.list(
            Event.self, namespace: type.isNamespaced ? object["metadata"]?["namespace"]?.string : nil,
            fields: "involvedObject.uid=\(uid)")
        guard !events.isEmpty else {
            page.field("Events", "<none>")
            return
        }
        page.block("Events", EventTable(events, now: now, withObject: false).table.text())
    }
}
