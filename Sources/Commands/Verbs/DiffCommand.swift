import Manifest
import Model

/// `martlet diff`: shows what `apply` would change.
enum DiffCommand {
    static let command = Command(
        path: ["diff"], summary: "Show what apply would change",
        usage: "-f FILE|DIRECTORY|-",
        discussion:
            "Exits with 0 when nothing would change, 1 when something would, and 2 or more when that cannot be told.",
        options: [.files, .recursive], examples: ["martlet diff -f web.yaml"],
        run: run)

    private static func run(_ call: Invocation) throws -> Int32 {
        do {
            let documents = try call.manifests()
            let api = try call.connect()
            var differs = false
            for document in documents {
                let name = document.name
                let namespace = document.namespace ?? api.namespace
                let live = try api.find(document.type, namespace: namespace, name: name)
                let wanted = try Apply(api: api, isDryRun: true).apply(document).object
                let title = "\(document.type.plural)/\(namespace)/\(name)"
                let text = UnifiedDiff.text(
                    old: live.map(comparable) ?? [], new: comparable(wanted), oldTitle: "live/\(title)",
                    newTitle: "applied/\(title)")
                if !text.isEmpty {
                    differs = true
                    call.context.output(call.context.hasColours ? UnifiedDiff.coloured(text) : text)
                }
            }
            return differs ? 1 : 0
        } catch let error as CommandFailure {
            throw CommandFailure(message: error.message, code: 2)
        } catch let error as UsageError {
            throw error
        } catch {
            throw CommandFailure(message: "\(error)", code: 2)
        }
    }

    /// The lines of an object without what the server keeps for itself.
    private static func comparable(_ object: JSONValue) -> [Substring] {
        var object = object
        object["status"] = nil
        for name in ["managedFields", "resourceVersion", "generation", "uid", "creationTimestamp"] {
            object[path: ["metadata", name]] = nil
        }
        object[path: ["metadata", "annotations", Apply.annotation]] = nil
        if object["metadata"]?["annotations"]?.object?.isEmpty == true {
            object[path: ["metadata", "annotations"]] = nil
        }
        return object.canonical.yaml.split(separator: "\n")
    }
}
