import Client
import Manifest
import Model

/// `martlet delete`: removes objects and waits until they are gone.
enum DeleteCommand {
    static let command = Command(
        path: ["delete"], summary: "Remove objects",
        usage: "-f FILE | TYPE NAME... | TYPE/NAME... | TYPE -l LABELS | TYPE --all",
        discussion:
            "An App's pods are stopped in order: unrouted, drained, signalled, and killed after their grace period.",
        options: [
            .files, .recursive, .selector, .init("all", .flag, "Every object of the type in the namespace"),
            .ignoreNotFound,
            .init("wait", .flag, "Wait until the objects are gone", default: "true"), .timeout,
            .init("grace-period", .value("SECONDS"), "How long pods may take to stop"),
            .init("force", .flag, "Remove pods without waiting for their node; what they run is killed"),
            .init("dry-run", .optional("server", default: "server"), "Show what would be removed; change nothing"),
        ],
        examples: [
            "martlet delete -f web.yaml", "martlet delete app web", "martlet delete pods -l martlet.dev/app=web",
        ],
        run: { try DeleteRun($0).run() })
}

private struct DeleteRun {
    struct Item {
        var type: ResourceType
        var namespace: String
        var name: String
        var uid: String?
    }

    let call: Invocation
    let api: ClusterAPI
    /// What the words name; nil when manifests name it.
    let targets: Targets?

    /// Understands the call before the server is asked.
    init(_ call: Invocation) throws {
        self.call = call
        targets = call.values("filename").isEmpty ? try Targets(call.arguments) : nil
        for group in targets?.groups ?? [] where group.names.isEmpty {
            guard call.flag("all") || call.value("selector") != nil else {
                throw UsageError(message: "say which \(group.type.plural): by name, with -l, or --all")
            }
        }
        api = try call.connect()
    }

    func run() throws -> Int32 {
        let grace = try call.value("grace-period").map { text throws(UsageError) -> Int64 in
            guard let seconds = Int64(text), seconds >= 0 else {
                throw UsageError(message: "--grace-period takes a number of seconds, not \"\(text)\"", path: ["delete"])
            }
            return seconds
        }
        let isDryRun = call.value("dry-run") != nil
        var code: Int32 = 0
        var removed: [Item] = []
        for item in try items() {
            do {
                if let uid = try remove(item, grace: grace, isDryRun: isDryRun) {
                    removed.append(Item(type: item.type, namespace: item.namespace, name: item.name, uid: uid))
                }
            } catch let error as Missing {
                if !call.flag("ignore-not-found") { code = call.report(error) }
            } catch {
                code = call.report(error)
            }
        }
        guard call.value("wait") != "false", !isDryRun else { return code }
        return max(code, try waitUntilGone(removed))
    }

    private func items() throws -> [Item] {
        guard let targets else {
            return try call.manifests().inOrderOfCreation.reversed().map {
                Item(type: $0.type, namespace: $0.namespace ?? api.namespace, name: $0.name)
            }
        }
        return try targets.groups.flatMap { group -> [Item] in
            if !group.names.isEmpty {
                return group.names.map { Item(type: group.type, namespace: api.namespace, name: $0) }
            }
            return try api.list(group.type, namespace: api.namespace, labels: call.value("selector")).map {
                Item(
                    type: group.type, namespace: $0["metadata"]?["namespace"]?.string ?? "",
                    name: $0["metadata"]?["name"]?.string ?? "")
            }
        }
    }

    /// Asks for the removal of an object and returns its identity.
    private func remove(_ item: Item, grace: Int64?, isDryRun: Bool) throws -> String? {
        let live = try api.get(item.type, namespace: item.namespace, name: item.name)
        var options: JSONValue = ["kind": "DeleteOptions", "apiVersion": "v1", "propagationPolicy": "Background"]
        if let grace { options["gracePeriodSeconds"] = .integer(grace) }
        if call.flag("force"), item.type == .pod { options["gracePeriodSeconds"] = 0 }
        if isDryRun { options["dryRun"] = ["All"] }
        _ = try api.request(
            "DELETE", item.type.path(namespace: item.namespace, name: escaped(item.name)), body: options)
        call.context.print("\(objectName(live)) deleted\(isDryRun ? " (server dry run)" : "")")
        return live["metadata"]?["uid"]?.string
    }

    /// Waits for all of them within one time, and says for what.
    private func waitUntilGone(_ items: [Item]) throws -> Int32 {
        let timeout = try call.timeout()
        let poll = Poll(call.context.clock, limit: timeout)
        let progress = ProgressLine(call.context)
        defer { progress.clear() }
        for item in items {
            let isGone = try poll.until { () -> Bool? in
                let live = try api.find(item.type, namespace: item.namespace, name: item.name)
                guard let live, live["metadata"]?["uid"]?.string == item.uid else { return true }
                progress.show("waiting for \(item.type.singular)/\(item.name): \(try reason(item, live))")
                return nil
            }
            guard isGone == nil else { continue }
            progress.clear()
            call.context.note(
                "error: \(item.type.singular)/\(item.name) is still there after \(timeout); it is being removed")
            return 1
        }
        return 0
    }

    /// What an object that is being removed waits for.
    private func reason(_ item: Item, _ live: JSONValue) throws -> String {
        if item.type == .app {
            let pods = try api.list(.pod, namespace: item.namespace, labels: "\(WellKnown.appLabel)=\(item.name)").count
            return pods == 0 ? "being removed" : "\(pods) pod\(pods == 1 ? "" : "s") stopping"
        }
        let finalizers = (live["metadata"]?["finalizers"]?.array ?? []).compactMap(\.string)
        if !finalizers.isEmpty { return "held by \(finalizers.joined(separator: ", "))" }
        guard item.type == .pod else { return "being removed" }
        let grace = live["metadata"]?["deletionGracePeriodSeconds"]?.integer
        return "its containers are stopping" + (grace.map { ", at most \($0)s" } ?? "")
    }
}
