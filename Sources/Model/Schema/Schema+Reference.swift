extension Schema {
    /// The reference of a type's fields as a Markdown table, with the formats of its strings and its rules below.
    public static func reference(for type: ResourceType) -> String {
        var rows: [String] = []
        var rules: [String] = []
        var formats: [StringFormat] = []
        of(type).describe(at: "", rows: &rows, rules: &rules)
        of(type).collect(&formats)
        var text = "| Field | Type | Default | Meaning |\n|---|---|---|---|\n" + rows.map { "\($0)\n" }.joined()
        text += "\nFormats of strings:\n\n"
        for format in formats { text += "- `\(format.name)`: \(format.expectation)\n" }
        return text + "\nRules:\n\n" + rules.map { "- \($0)\n" }.joined()
    }

    /// The formats of the schema's strings, each once.
    private func collect(_ formats: inout [StringFormat]) {
        switch self {
        case .object(let fields, _, _): for field in fields { field.schema.collect(&formats) }
        case .array(let items, _, _, _): items.collect(&formats)
        case .map(let values, _): values.collect(&formats)
        case .oneOf(let alternatives): for alternative in alternatives { alternative.collect(&formats) }
        case .string(let format):
            let isNamed = !["enum", "text", StringFormat.argument.name].contains(format.name)
            if isNamed, !formats.contains(where: { $0.name == format.name && $0.expectation == format.expectation }) {
                formats.append(format)
            }
        default: break
        }
    }

    private func describe(at path: String, rows: inout [String], rules: inout [String]) {
        switch self {
        case .object(let fields, _, let own):
            for field in fields {
                let place = path.isEmpty ? field.name : "\(path).\(field.name)"
                rows.append(field.row(at: place))
                field.schema.describe(at: place, rows: &rows, rules: &rules)
            }
            for rule in own { rules.append(path.isEmpty ? "\(rule.description)." : "`\(path)`: \(rule.description).") }
        case .array(let items, _, _, _): items.describe(at: path + "[]", rows: &rows, rules: &rules)
        case .map(let values, _): values.describe(at: path + ".NAME", rows: &rows, rules: &rules)
        case .oneOf(let alternatives):
            for alternative in alternatives { alternative.describe(at: path, rows: &rows, rules: &rules) }
        default: break
        }
    }

    /// The type as the reference names it.
    fileprivate var typeName: String {
        switch self {
        case .object: "object"
        case .map(let values, _): "map of \(values.typeName)"
        case .array(let items, _, _, _): "list of \(items.typeName)"
        case .string(let format):
            if format.name == "enum" {
                format.allowed.map { "`\($0)`" }.joined(separator: ", ")
            } else if format.name == "text" || format.name == StringFormat.argument.name {
                "string"
            } else {
                "`\(format.name)`"
            }
        case .integer, .number, .intOrPercent, .boolean, .any: String(expectation.trimmingArticle)
        case .oneOf(let alternatives): alternatives.map(\.typeName).joined(separator: ", or ")
        }
    }
}

extension String {
    fileprivate var trimmingArticle: Substring {
        for article in ["an ", "a "] where hasPrefix(article) { return dropFirst(article.count) }
        return self[...]
    }
}

extension Field {
    fileprivate func row(at path: String) -> String {
        var meaning = description
        if let defaultUnless { meaning += "; no default beside `\(defaultUnless)`" }
        if notYetInEffect, let note = FieldStatus.note(on: path) { meaning += " (\(note))" }
        let standard =
            switch self.default {
            case nil: required ? "required" : ""
            case .object(let object)? where object.isEmpty: "see below"
            case let value?: "`\(value.string ?? value.text())`"
            }
        return "| `\(path)` | \(schema.typeName.escaped) | \(standard) | \(meaning.escaped) |"
    }
}

extension String {
    /// The text with what would end a table's cell escaped.
    fileprivate var escaped: String { split(separator: "|", omittingEmptySubsequences: false).joined(separator: "\\|") }
}
