import Model

/// A table that the server made (`meta.k8s.io/v1` Table), cut to what is to be shown.
struct ServerTable: Sendable {
    /// What `Accept` asks for.
    static let accept = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json"

    private(set) var table: TextTable
    /// The store revision it was made at.
    let revision: String?

    /// Reads a table document.
    ///
    /// - Parameters:
    ///   - isWide: whether columns of low priority are shown too.
    ///   - withNamespace: whether the first column is the namespace.
    ///   - withLabels: whether the last column is the labels.
    ///   - prefix: put before each name, as in `app.martlet.dev/web`.
    init(_ document: JSONValue, isWide: Bool, withNamespace: Bool, withLabels: Bool = false, prefix: String = "") {
        let columns = document["columnDefinitions"]?.array ?? []
        let shown = columns.indices.filter { isWide || (columns[$0]["priority"]?.integer ?? 0) == 0 }
        var headers = shown.map { (columns[$0]["name"]?.string ?? "").uppercased() }
        if withNamespace { headers.insert("NAMESPACE", at: 0) }
        if withLabels { headers.append("LABELS") }
        table = TextTable(headers: headers)
        revision = document["metadata"]?["resourceVersion"]?.string
        for row in document["rows"]?.array ?? [] {
            let cells = row["cells"]?.array ?? []
            let metadata = row["object"]?["metadata"]
            var texts = shown.map { $0 < cells.count ? Self.text(cells[$0]) : "" }
            if !prefix.isEmpty, !texts.isEmpty { texts[0] = prefix + texts[0] }
            if withNamespace { texts.insert(metadata?["namespace"]?.string ?? "", at: 0) }
            if withLabels { texts.append(Self.labels(metadata)) }
            table.rows.append(texts)
        }
    }

    private static func text(_ cell: JSONValue) -> String {
        switch cell {
        case .string(let text): text.isEmpty ? "<none>" : text
        case .null: "<none>"
        default: cell.text()
        }
    }

    private static func labels(_ metadata: JSONValue?) -> String {
        let labels = metadata?["labels"]?.object?.members ?? []
        if labels.isEmpty { return "<none>" }
        return labels.map { "\($0.name)=\($0.value.string ?? "")" }.joined(separator: ",")
    }
}
