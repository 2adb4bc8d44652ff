import Model
import YAML

/// Finds and checks the objects of one document: one, or those of a `kind: List`.
struct ManifestObjects {
    private let file: String
    private let tree: ManifestTree
    private let places: SourceMap

    init(file: String, text: ManifestTree) {
        self.file = file
        tree = text
        places = SourceMap(text.node)
    }

    func read() -> (documents: [ManifestDocument], errors: [ManifestError]) {
        guard let kind = tree.value["kind"]?.string, kind == "List" || kind.hasSuffix("List"),
            let items = tree.value["items"]?.array
        else { return object(tree.value, at: FieldPath()) }
        var documents: [ManifestDocument] = []
        var errors: [ManifestError] = []
        for (index, item) in items.enumerated() {
            let result = object(item, at: FieldPath(names: "items").appending(index))
            documents += result.documents
            errors += result.errors
        }
        return (documents, errors)
    }

    private func object(_ value: JSONValue, at root: FieldPath) -> (
        documents: [ManifestDocument], errors: [ManifestError]
    ) {
        switch Self.type(of: value) {
        case .failure(let error): return ([], [located(error, in: root)])
        case .success(let type):
            let errors = Validation.errors(in: value, type: type, strict: true)
            guard errors.isEmpty else { return ([], errors.map { located($0, in: root) }.sorted(by: Self.isBefore)) }
            let origin = ManifestDocument.Origin(file: file, line: places.value(of: root).line)
            return ([ManifestDocument(origin: origin, document: value, type: type)], [])
        }
    }

    /// The error with its place in the text, and with the text itself where that is not what its value prints as.
    private func located(_ error: FieldError, in root: FieldPath) -> ManifestError {
        var error = error
        error.path = FieldPath(root.elements + error.path.elements)
        if error.reason == .typeMismatch, let text = places.plainText(of: error.path), error.found != nil, !text.isEmpty
        {
            let value = tree.value[at: error.path]
            // 1.10 reads as the number 1.1.
            if error.suggestion == value.map({ "\"\($0.text())\"" }) { error.suggestion = "\"\(text)\"" }
            if value?.string == nil { error.found = text }
        }
        let isAboutKey = [.unknownField, .required, .duplicate, .forbidden].contains(error.reason)
        let mark = isAboutKey ? places.key(of: error.path) : places.value(of: error.path)
        return ManifestError(file: file, error, at: mark)
    }

    private static func isBefore(_ left: ManifestError, _ right: ManifestError) -> Bool {
        (left.line ?? 0, left.column ?? 0) < (right.line ?? 0, right.column ?? 0)
    }
}

extension ManifestObjects {
    /// The type that an object says it is of.
    private static func type(of value: JSONValue) -> Result<ResourceType, FieldError> {
        guard value.object != nil else {
            let message = "expected an object with apiVersion and kind"
            return .failure(FieldError(FieldPath(), .typeMismatch, message, found: value.shownInMessages))
        }
        for name in ["apiVersion", "kind"] {
            guard let member = value[name], !member.isNull else {
                return .failure(FieldError(FieldPath(names: name), .required, "must be set"))
            }
            guard member.string != nil else {
                let found = member.shownInMessages
                return .failure(FieldError(FieldPath(names: name), .typeMismatch, "expected a string", found: found))
            }
        }
        let (version, kind) = (value["apiVersion"]?.string ?? "", value["kind"]?.string ?? "")
        if let type = ResourceType.named(apiVersion: version, kind: kind) { return .success(type) }
        return .failure(unknownType(version, kind))
    }

    private static func unknownType(_ version: String, _ kind: String) -> FieldError {
        let kinds = ResourceType.all.map(\.kind)
        if let type = ResourceType.all.first(where: { $0.kind == kind }) {
            return FieldError(
                FieldPath(names: "apiVersion"), .notSupported, "expected \(type.apiVersion) for kind \(kind)",
                found: JSONValue.string(version).shownInMessages, allowed: [type.apiVersion])
        }
        let served = ResourceType.all.map { "\($0.kind) (\($0.apiVersion))" }.joined(separator: ", ")
        return FieldError(
            FieldPath(names: "kind"), .notSupported, "unknown kind; served are \(served)",
            suggestion: FieldError.nearest(kind, among: kinds), found: JSONValue.string(kind).shownInMessages,
            allowed: kinds)
    }
}
