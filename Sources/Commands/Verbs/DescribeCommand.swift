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
                } catch let error as ClientError where error.isNotFound {
                    code = call.report(error)
                }
            }
            for object in objects {
                if !isFirst { call.context.print("\n") }
                isFirst = false
                call.context.output(try Description(api: api, object: object, type: group.type).text())
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
        page.conditions(status.conditions)
        let pending = FieldStatus.notYetInEffect(in: object, type: .app)
        if !pending.isEmpty {
            page.block(
                "Not in effect yet",
                pending.map { "\($0)\n" }.joined()
                    + "(accepted and stored; this version does not act on these fields)\n")
        }
        let pods = try api.list(Pod.self, namespace: app.namespace, labels: "martlet.dev/app=\(app.name)")
        var table = TextTable(headers: ["POD", "REVISION", "READY", "RESTARTS", "IP", "WHY NOT READY"])
        for pod in pods.sorted(by: { $0.name < $1.name }) {
            let ready = pod.status?.conditions["Ready"]
            let restarts = (pod.status?.containerStatuses ?? []).map(\.restartCount).reduce(0, +)
            table.rows.append([
                pod.name, pod.metadata.labels["martlet.dev/revision"] ?? "", ready?.status ?? "False", "\(restarts)",
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

    // MARK: - Pods

    private func describe(_ pod: Pod, _ page: inout DescriptionPage) {
        let status = pod.status ?? PodStatus()
        page.field("Node", pod.spec.nodeName ?? "<none>")
        page.field("Phase", pod.metadata.deletionTimestamp == nil ? status.phase ?? "Pending" : "Terminating")
        if let reason = status.reason { page.field("Reason", "\(reason): \(status.message ?? "")") }
        page.field("IP", status.podIP ?? "<none>")
        if let started = status.startTime { page.field("Started", "\(started)") }
        for (title, specs, statuses) in [
            ("Init containers", pod.spec.initContainers, status.initContainerStatuses),
            ("Containers", pod.spec.containers, status.containerStatuses),
        ] where !specs.isEmpty {
            var inner = DescriptionPage()
            for container in specs {
                inner.nested(container.name, describe(container, statuses.first { $0.name == container.name }))
            }
            page.block(title, inner.text)
        }
        page.conditions(status.conditions)
        if !pod.spec.volumes.isEmpty {
            page.block("Volumes", pod.spec.volumes.map { "\($0.name): \(source(of: $0))\n" }.joined())
        }
    }

    private func describe(_ container: Container, _ status: ContainerStatus?) -> DescriptionPage {
        var page = DescriptionPage()
        page.field("Image", container.image)
        if let id = status?.imageID, !id.isEmpty { page.field("Image ID", id) }
        let command = container.command + container.args
        if !command.isEmpty { page.field("Command", command.joined(separator: " ")) }
        let ports = container.ports.map { "\($0.containerPort)/\($0.protocol ?? "TCP")" }
        if !ports.isEmpty { page.field("Ports", ports.joined(separator: ", ")) }
        if let state = status?.state { page.field("State", text(of: state)) }
        if let last = status?.lastState { page.field("Last state", text(of: last)) }
        page.field("Ready", status?.ready == true ? "True" : "False")
        page.field("Restarts", "\(status?.restartCount ?? 0)")
        for (title, amounts) in [
            ("Requests", container.resources?.requests ?? [:]), ("Limits", container.resources?.limits ?? [:]),
        ] where !amounts.isEmpty {
            page.field(
                title, amounts.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value)" }.joined(separator: ", "))
        }
        for (title, probe) in [
            ("Startup", container.startupProbe), ("Readiness", container.readinessProbe),
            ("Liveness", container.livenessProbe),
        ] {
            if let probe { page.field(title, text(of: probe)) }
        }
        for variable in container.env { page.field("Env \(variable.name)", text(of: variable)) }
        for mount in container.volumeMounts {
            page.field("Mount \(mount.mountPath)", mount.name + (mount.readOnly == true ? " (read-only)" : ""))
        }
        return page
    }

    private func text(of state: ContainerState) -> String {
        if let running = state.running { return "running since \(running.startedAt.map(\.description) ?? "?")" }
        if let waiting = state.waiting { return "waiting: \(waiting.reason ?? ""): \(waiting.message ?? "")" }
        guard let end = state.terminated else { return "unknown" }
        let message = end.message.map { ": \($0)" } ?? ""
        let moment = end.finishedAt.map { " at \($0)" } ?? ""
        return "ended with exit code \(end.exitCode)\(moment): \(end.reason ?? "")\(message)"
    }

    private func text(of probe: Probe) -> String {
        func port(_ reference: PortReference) -> String {
            switch reference {
            case .number(let number): "\(number)"
            case .name(let name): name
            }
        }
        var what = ""
        if let http = probe.httpGet { what = "GET \(http.path ?? "/") on port \(port(http.port))" }
        if let tcp = probe.tcpSocket { what = "connect to port \(port(tcp.port))" }
        if let grpc = probe.grpc { what = "gRPC health check on port \(port(grpc.port))" }
        if let exec = probe.exec { what = "run \(exec.command.joined(separator: " "))" }
        let period = TimeSpan.milliseconds(probe.periodMilliseconds ?? 10_000)
        return "\(what), every \(period), fails after \(probe.failureThreshold ?? 3)"
    }

    private func text(of variable: EnvVar) -> String {
        if let value = variable.value { return value }
        if let key = variable.valueFrom?.secretKeyRef { return "<key \(key.key) of Secret \(key.name)>" }
        if let key = variable.valueFrom?.configMapKeyRef { return "<key \(key.key) of ConfigMap \(key.name)>" }
        return "<\(variable.valueFrom?.fieldRef?.fieldPath ?? "unset")>"
    }

    private func source(of volume: Volume) -> String {
        if let source = volume.emptyDir {
            return source.medium == "Memory" ? "empty directory on memory" : "empty directory"
        }
        if let source = volume.hostPath { return "path \(source.path) of the node" }
        if let source = volume.configMap { return "ConfigMap \(source.name)" }
        if let source = volume.secret { return "Secret \(source.name)" }
        return "unknown"
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
        page.block("Events", EventTable(events, now: wallNow(), withObject: false).table.text())
    }
}

/// Events as rows, the oldest first.
struct EventTable {
    var table: TextTable

    init(_ events: [Event], now: Timestamp, withObject: Bool) {
        table = TextTable(headers: ["LAST SEEN", "TYPE", "REASON"] + (withObject ? ["OBJECT"] : []) + ["MESSAGE"])
        let sorted = events.sorted {
            ($0.lastTimestamp?.nanoseconds ?? 0, $0.name) < ($1.lastTimestamp?.nanoseconds ?? 0, $1.name)
        }
        for event in sorted {
            var age = event.lastTimestamp.map { HumanDuration.text(now - $0) } ?? "<unknown>"
            if let count = event.count, count > 1 { age += " (x\(count))" }
            let object = "\((event.involvedObject.kind ?? "").lowercased())/\(event.involvedObject.name ?? "")"
            table.rows.append(
                [age, event.type ?? "Normal", event.reason ?? ""] + (withObject ? [object] : []) + [event.message ?? ""]
            )
        }
    }
}

/// Lines of `Name:  value` and indented blocks.
struct DescriptionPage {
    private(set) var text = ""
    private static let width = 18

    mutating func field(_ name: String, _ value: String) {
        let title = name + ":"
        text += title + String(repeating: " ", count: max(1, Self.width - title.count)) + value + "\n"
    }

    mutating func block(_ name: String, _ content: String) {
        text += "\(name):\n"
        for line in content.split(separator: "\n", omittingEmptySubsequences: false).dropLast() {
            text += "  \(line)\n"
        }
    }

    mutating func nested(_ name: String, _ page: DescriptionPage) { block(name, page.text) }

    mutating func metadata(_ object: JSONValue) {
        let metadata = object["metadata"]
        field("Name", metadata?["name"]?.string ?? "")
        if let namespace = metadata?["namespace"]?.string { field("Namespace", namespace) }
        for (title, key) in [("Labels", "labels"), ("Annotations", "annotations")] {
            let entries = (metadata?[key]?.object?.members ?? []).filter { $0.name != Apply.annotation }
            guard !entries.isEmpty else { continue }
            field(title, entries.map { "\($0.name)=\($0.value.string ?? "")" }.joined(separator: ", "))
        }
        if let made = metadata?["creationTimestamp"]?.string { field("Created", made) }
        if let deleted = metadata?["deletionTimestamp"]?.string {
            let finalizers = (metadata?["finalizers"]?.array ?? []).compactMap(\.string)
            field(
                "Being deleted",
                "since \(deleted)" + (finalizers.isEmpty ? "" : ", waiting for \(finalizers.joined(separator: ", "))"))
        }
        if let owner = metadata?["ownerReferences"]?.array?.first {
            field("Controlled by", "\(owner["kind"]?.string ?? "")/\(owner["name"]?.string ?? "")")
        }
    }

    mutating func conditions(_ conditions: [Condition]) {
        guard !conditions.isEmpty else { return }
        var table = TextTable(headers: ["CONDITION", "STATUS", "SINCE", "REASON", "MESSAGE"])
        for condition in conditions {
            table.rows.append([
                condition.type, condition.status, condition.lastTransitionTime?.description ?? "",
                condition.reason ?? "",
                condition.message ?? "",
            ])
        }
        block("Conditions", table.text())
    }
}
