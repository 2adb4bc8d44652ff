import Model

extension TableColumns {
    static let node = [
        TableColumn("Status", "Whether it is ready, and whether it takes new pods"),
        TableColumn("Roles", "What it is for, after its labels"),
    ]
    static let nodeWide = [
        TableColumn("Internal-IP", "Its address in the cluster", wide: true),
        TableColumn("OS-Image", "Its distribution", wide: true),
        TableColumn("Kernel-Version", "Its kernel", wide: true),
        TableColumn("Container-Runtime", "What runs its containers", wide: true),
    ]

    static func nodeCells(_ document: JSONValue) -> [JSONValue] {
        var status: String
        switch conditionStatus(document, "Ready") {
        case "True": status = "Ready"
        case nil: status = "Unknown"
        default: status = "NotReady"
        }
        if document["spec"]?["unschedulable"]?.bool == true { status += ",SchedulingDisabled" }
        return [.string(status), cell(roles(document).joined(separator: ","))]
    }

    static func nodeTailCells(_ document: JSONValue) -> [JSONValue] {
        let info = document["status"]?["nodeInfo"]
        let addresses = document["status"]?["addresses"]?.array ?? []
        let address = addresses.first { $0["type"]?.string == "InternalIP" }?["address"]?.string
        func text(_ member: String) -> JSONValue {
            let text = info?[member]?.string ?? ""
            return .string(text.isEmpty ? "<unknown>" : text)
        }
        return [
            text("kubeletVersion"), cell(address), text("osImage"), text("kernelVersion"),
            text("containerRuntimeVersion"),
        ]
    }

    private static func roles(_ document: JSONValue) -> [String] {
        let prefix = "node-role.kubernetes.io/"
        let labels = document["metadata"]?["labels"]?.object?.keys ?? []
        return labels.filter { $0.hasPrefix(prefix) && $0.count > prefix.count }
            .map { String($0.dropFirst(prefix.count)) }.sorted()
    }
}
