import Client
import Manifest
import Model

/// `martlet apply`: makes objects, or changes them to what a manifest says.
enum ApplyCommand {
    static let command = Command(
        path: ["apply"], summary: "Make or change objects from manifests",
        usage: "-f FILE|DIRECTORY|- [-f ...] [--dry-run] [--wait]",
        discussion: """
            What a manifest does not mention is left as it is; what an earlier manifest mentioned and this one does not is
            removed. `kubectl apply` and `martlet apply` may be used on the same objects.
            """,
        options: [
            .files, .recursive,
            .init(
                "dry-run", .optional("server|client", default: "server"),
                "Check and show what would be done; change nothing"),
            .init("wait", .flag, "Wait until Apps are available at what was applied"), .timeout,
            .init("output", short: "o", .value("FORMAT"), "Show the objects: yaml, json or name"),
        ],
        examples: [
            "martlet apply -f web.yaml", "martlet apply -f manifests/ --wait", "martlet apply -f web.yaml --dry-run",
            "cat web.yaml | martlet apply -f -",
        ],
        run: run)

    private static func run(_ call: Invocation) throws -> Int32 {
        let mode = call.value("dry-run") ?? "none"
        guard ["none", "server", "client"].contains(mode) else {
            throw UsageError(message: "--dry-run takes server or client, not \"\(mode)\"", path: ["apply"])
        }
        let format = try OutputFormat(call.value("output"))
        let documents = try call.manifests().inOrderOfCreation
        if mode == "client" {
            for document in documents {
                call.context.print("\(objectName(document.document)) is valid (client dry run)")
            }
            return 0
        }
        let api = try call.connect()
        var code: Int32 = 0
        var applied: [JSONValue] = []
        for document in documents {
            do {
                let apply = Apply(api: api, isDryRun: mode == "server", call: mode == "none" ? call : nil)
                let result = try apply.apply(document)
                for warning in result.warnings { call.context.note("warning: \(warning)") }
                applied.append(result.object)
                if format.isTable {
                    let suffix = mode == "server" ? " (server dry run)" : ""
                    call.context.print("\(objectName(result.object)) \(result.verb)\(suffix)")
                }
            } catch {
                code = call.report(PlacedError(place: document.place, error: error))
            }
        }
        if !format.isTable { call.context.output(format.text(of: applied, asList: applied.count != 1)) }
        guard code == 0, call.flag("wait"), mode == "none" else { return code }
        return try RolloutWait(call: call, api: api, timeout: call.timeout()).wait(for: applied)
    }
}

/// An error with the place in the manifest that it comes from.
struct PlacedError: Error, CustomStringConvertible {
    let place: String
    let error: any Error
    var description: String { "\(place): \(error)" }
}

extension Command.Option {
    static let files = Command.Option(
        "filename", short: "f", .values("FILE"), "A manifest, a directory of them, or - for standard input")
    static let recursive = Command.Option("recursive", short: "R", .flag, "Read directories below directories too")
}

/// Applies one manifest the way `kubectl apply` does: a three-way merge of what was applied last, what is applied now, and what
/// is there, kept in the same annotation.
struct Apply {
    static let annotation = "kubectl.kubernetes.io/last-applied-configuration"

    /// What became of an object.
    struct Result {
        var object: JSONValue
        /// `created`, `configured` or `unchanged`.
        var verb: String
        var warnings: [String]
    }

    let api: ClusterAPI
    let isDryRun: Bool
    /// By whose options an object that is being deleted is waited for; nil does not wait.
    var call: Invocation?

    /// Makes the object or brings it to what the manifest says.
    func apply(_ manifest: ManifestDocument) throws -> Result {
        let type = manifest.type
        let wanted = desired(manifest)
        let name = wanted["metadata"]?["name"]?.string ?? ""
        let namespace = wanted["metadata"]?["namespace"]?.string ?? api.namespace
        let parameters = [
            ("fieldManager", "kubectl-client-side-apply"), ("fieldValidation", "Strict"),
            ("dryRun", isDryRun ? "All" : nil),
        ]
        guard let live = try liveObject(type, namespace, name) else {
            let path = type.path(namespace: namespace) + query(parameters)
            let (object, warnings) = try api.request("POST", path, body: wanted)
            return Result(object: object, verb: "created", warnings: warnings)
        }
        let patch = Self.patch(live: live, wanted: wanted)
        if patch.isEmpty { return Result(object: live, verb: "unchanged", warnings: []) }
        let path = type.path(namespace: namespace, name: escaped(name)) + query(parameters)
        let (object, warnings) = try api.request(
            "PATCH", path, contentType: PatchType.merge.rawValue, body: .object(patch))
        let isSame = object["metadata"]?["resourceVersion"] == live["metadata"]?["resourceVersion"]
        return Result(object: object, verb: isSame && !isDryRun ? "unchanged" : "configured", warnings: warnings)
    }

    /// The object that is there. One that is being deleted is waited for until it is gone, so that what is applied now is
    /// not lost with it.
    ///
    /// - Throws: `CommandFailure` when it is still there after `--timeout`.
    private func liveObject(_ type: ResourceType, _ namespace: String, _ name: String) throws -> JSONValue? {
        let first = try api.find(type, namespace: namespace, name: name)
        guard let call, first?["metadata"]?["deletionTimestamp"] != nil else { return first }
        call.context.note("\(type.singular) \(name) is being deleted; waiting until it is gone")
        let timeout = try call.timeout()
        let later = try Poll(call.context.clock, limit: timeout).until { () -> JSONValue?? in
            let live = try api.find(type, namespace: namespace, name: name)
            return live?["metadata"]?["deletionTimestamp"] == nil ? .some(live) : nil
        }
        guard let later else {
            throw CommandFailure(
                message: "\(type.singular) \(name) is still being deleted after \(timeout); try again later")
        }
        return later
    }

    /// The manifest with its namespace and with itself in the annotation.
    private func desired(_ manifest: ManifestDocument) -> JSONValue {
        var wanted = manifest.document
        if manifest.type.isNamespaced && wanted["metadata"]?["namespace"] == nil {
            wanted[path: ["metadata", "namespace"]] = .string(api.namespace)
        }
        var plain = wanted
        plain[path: ["metadata", "annotations"]] = plain["metadata"]?["annotations"] ?? [:]
        wanted[path: ["metadata", "annotations", Self.annotation]] = .string(plain.canonical.text() + "\n")
        return wanted
    }

    /// The merge patch (RFC 7386) that brings a live object to what is wanted: members that differ, and nulls for members that were
    /// applied last and are wanted no more.
    static func patch(live: JSONValue, wanted: JSONValue) -> JSONObject {
        let text = live["metadata"]?["annotations"]?[annotation]?.string ?? "{}"
        let last = (try? JSONValue(parsing: text)) ?? .object(JSONObject())
        var patch = difference(
            last: last.object ?? JSONObject(), wanted: wanted.object ?? JSONObject(), live: live.object ?? JSONObject())
        patch["apiVersion"] = nil
        patch["kind"] = nil
        // The annotation alone differs when only the order or a default was written out: that is no change of the object.
        if let metadata = patch["metadata"], patch.count == 1,
            metadata == ["annotations": [annotation: metadata["annotations"]?[annotation] ?? .null]],
            last.canonical.text() + "\n" == text,
            (try? JSONValue(parsing: wanted["metadata"]?["annotations"]?[annotation]?.string ?? "")) == last
        {
            return JSONObject()
        }
        return patch
    }

    private static func difference(last: JSONObject, wanted: JSONObject, live: JSONObject) -> JSONObject {
        var patch = JSONObject()
        for member in wanted.members {
            guard let present = live[member.name] else {
                patch[member.name] = member.value
                continue
            }
            if case .object(let wantedChild) = member.value, case .object(let liveChild) = present {
                let lastChild = last[member.name]?.object ?? JSONObject()
                let child = difference(last: lastChild, wanted: wantedChild, live: liveChild)
                if !child.isEmpty { patch[member.name] = .object(child) }
            } else if present != member.value {
                patch[member.name] = member.value
            }
        }
        for name in last.keys where wanted[name] == nil && live[name] != nil { patch[name] = .null }
        return patch
    }
}
