import Model
import Wire

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
