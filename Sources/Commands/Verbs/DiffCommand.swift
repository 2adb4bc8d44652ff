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
                    call.context.output(call.context.isTerminal ? UnifiedDiff.coloured(text) : text)
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

/// The difference of two texts in the unified format (diff(1)).
enum UnifiedDiff {
    private enum Line: Equatable {
        case same(Substring)
        case removed(Substring)
        case added(Substring)
    }

    /// How many unchanged lines are shown around a change.
    private static let context = 3

    /// The difference; empty when there is none.
    static func text(old: [Substring], new: [Substring], oldTitle: String, newTitle: String) -> String {
        let lines = compared(old, new)
        let changed = lines.indices.filter { if case .same = lines[$0] { false } else { true } }
        guard !changed.isEmpty else { return "" }
        var text = "--- \(oldTitle)\n+++ \(newTitle)\n"
        var index = 0
        while index < changed.count {
            var last = index
            while last + 1 < changed.count, changed[last + 1] - changed[last] <= 2 * context { last += 1 }
            let range = max(0, changed[index] - context)...min(lines.count - 1, changed[last] + context)
            text += hunk(lines, range)
            index = last + 1
        }
        return text
    }

    private static func hunk(_ lines: [Line], _ range: ClosedRange<Int>) -> String {
        func count(_ slice: ArraySlice<Line>, old: Bool) -> Int {
            slice.filter { line in
                switch line {
                case .same: true
                case .removed: old
                case .added: !old
                }
            }.count
        }
        let before = lines[..<range.lowerBound]
        let inside = lines[range]
        let oldCount = count(inside, old: true)
        let newCount = count(inside, old: false)
        let oldStart = count(before, old: true) + (oldCount > 0 ? 1 : 0)
        let newStart = count(before, old: false) + (newCount > 0 ? 1 : 0)
        var text = "@@ -\(oldStart),\(oldCount) +\(newStart),\(newCount) @@\n"
        for line in inside {
            switch line {
            case .same(let content): text += " \(content)\n"
            case .removed(let content): text += "-\(content)\n"
            case .added(let content): text += "+\(content)\n"
            }
        }
        return text
    }

    /// The lines of both in order, by a longest common subsequence.
    private static func compared(_ old: [Substring], _ new: [Substring]) -> [Line] {
        var lengths = [[Int]](repeating: [Int](repeating: 0, count: new.count + 1), count: old.count + 1)
        for i in old.indices.reversed() {
            for j in new.indices.reversed() {
                lengths[i][j] = old[i] == new[j] ? lengths[i + 1][j + 1] + 1 : max(lengths[i + 1][j], lengths[i][j + 1])
            }
        }
        var (i, j) = (0, 0)
        var lines: [Line] = []
        while i < old.count || j < new.count {
            if i < old.count, j < new.count, old[i] == new[j] {
                lines.append(.same(old[i]))
                (i, j) = (i + 1, j + 1)
            } else if i < old.count, j == new.count || lengths[i + 1][j] >= lengths[i][j + 1] {
                lines.append(.removed(old[i]))
                i += 1
            } else {
                lines.append(.added(new[j]))
                j += 1
            }
        }
        return lines
    }

    /// The text with colours for a terminal.
    static func coloured(_ text: String) -> String {
        text.split(separator: "\n", omittingEmptySubsequences: false).map { line in
            switch line.first {
            case "+": "\u{1B}[32m\(line)\u{1B}[0m"
            case "-": "\u{1B}[31m\(line)\u{1B}[0m"
            case "@": "\u{1B}[36m\(line)\u{1B}[0m"
            default: String(line)
            }
        }.joined(separator: "\n")
    }
}
