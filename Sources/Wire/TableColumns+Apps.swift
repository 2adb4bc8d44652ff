import Model

extension TableColumns {
    static let app = [
        TableColumn("Ready", "How many pods are ready, of how many that are wanted"),
        TableColumn("Up-To-Date", "How many pods run the newest revision", type: "integer"),
        TableColumn("Available", "How many pods have been ready long enough", type: "integer"),
        TableColumn("Status", "The condition that tells most, in a word"),
    ]
    static let appWide = [
        TableColumn("Address", "The virtual address that its pods are reached under", wide: true),
        TableColumn("Image", "The main container's image", wide: true),
        TableColumn("Revision", "The revision of the present spec", wide: true),
        TableColumn("Selector", "The labels of the App's pods", wide: true),
    ]
    static let revision = [
        TableColumn("Revision", "The number of the revision", type: "integer"),
        TableColumn("Ready", "How many of its pods are ready, of how many there are"),
    ]

    static func appCells(_ document: JSONValue) -> [JSONValue] {
        func number(_ member: String) -> Int64 { document["status"]?[member]?.integer ?? 0 }
        // Without `replicas` the autoscaler decides, and what it decided is in the status.
        let wanted = document["spec"]?["replicas"]?.integer ?? number("replicas")
        return [
            "\(number("readyReplicas"))/\(wanted)", .integer(number("updatedReplicas")),
            .integer(number("availableReplicas")), .string(appStatus(document)),
        ]
    }

    static func appWideCells(_ document: JSONValue) -> [JSONValue] {
        [
            cell(document["status"]?["virtualAddress"]?.string), cell(document["spec"]?["image"]?.string),
            cell(document["status"]?["currentRevision"]?.string),
            cell(document["status"]?["selector"]?.string),
        ]
    }

    static func revisionCells(_ document: JSONValue) -> [JSONValue] {
        func number(_ member: String) -> Int64 { document["status"]?[member]?.integer ?? 0 }
        return [
            .integer(document["spec"]?["revision"]?.integer ?? 0), "\(number("readyReplicas"))/\(number("replicas"))",
        ]
    }

    static func mainImage(_ document: JSONValue) -> JSONValue {
        let containers = document[path: ["spec", "template", "spec", "containers"]]?.array
        return cell(containers?.first?["image"]?.string)
    }

    /// What a person wants to know first: that it goes, then what is wrong, then what is under way, then that all is well.
    private static func appStatus(_ document: JSONValue) -> String {
        if document["metadata"]?["deletionTimestamp"] != nil { return "Terminating" }
        let generation = document["metadata"]?["generation"]?.integer ?? 0
        guard (document["status"]?["observedGeneration"]?.integer ?? 0) >= generation else { return "Pending" }
        func reason(_ type: String, _ otherwise: String) -> String {
            condition(document, type)?["reason"]?.string.flatMap { $0.isEmpty ? nil : $0 } ?? otherwise
        }
        if conditionStatus(document, "Degraded") == "True" { return reason("Degraded", "Degraded") }
        if conditionStatus(document, "Progressing") == "False" { return reason("Progressing", "Stalled") }
        if conditionStatus(document, "Available") != "True" {
            let hasReason = condition(document, "Available") != nil
            return hasReason ? reason("Available", "Unavailable") : reason("Progressing", "Pending")
        }
        let isDone = document["status"]?["stableRevision"] == document["status"]?["currentRevision"]
        return isDone ? "Available" : reason("Progressing", "Progressing")
    }
}
