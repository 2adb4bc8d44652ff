import Model
import Wire

/// What makes a document fit to be stored: completed, checked, and with the server's own fields as they should be.
/// Pure, but for what is passed in.
struct Admission {
    /// The name of the finalizer that keeps a namespace until it is empty.
    static let namespaceFinalizer = "martlet.dev/namespace"

    let type: ResourceType
    let options: WriteOptions
    /// Takes what the client should be told.
    let warn: (String) -> Void

    /// The types whose `status` is not the user's to write.
    static func ownsStatus(_ type: ResourceType) -> Bool {
        [.app, .revision, .pod, .node, .namespace].contains(type)
    }

    /// Checks that a body is of the type that the path names, and fills in what the path says.
    func addressed(_ document: JSONValue, namespace: String) throws(APIStatus) -> JSONValue {
        guard document.object != nil else {
            throw .badRequest("the body must be an object of kind \(type.kind), not a \(document.kindName)")
        }
        var document = document
        for (member, wanted) in [("apiVersion", type.apiVersion), ("kind", type.kind)] {
            let given = document[member]?.string ?? ""
            guard given.isEmpty || given == wanted else {
                throw .badRequest("the \(member) of the body (\(given)) does not match the path (\(wanted))")
            }
            document[member] = .string(wanted)
        }
        if document["metadata"] == nil { document["metadata"] = [:] }
        guard document["metadata"]?.object != nil else { throw .badRequest("metadata must be an object") }
        guard type.isNamespaced else {
            document["metadata"]?["namespace"] = nil
            return document
        }
        let given = document["metadata"]?["namespace"]?.string ?? ""
        guard given.isEmpty || given == namespace else {
            throw .badRequest(
                "the namespace of the object (\(given)) does not match the namespace of the request (\(namespace))")
        }
        document["metadata"]?["namespace"] = .string(namespace)
        return document
    }

    /// A new object, named and complete but for its resource version.
    func created(_ body: JSONValue, ids: any IDSource, now: Timestamp) throws(APIStatus) -> JSONValue {
        var document = body
        guard (document["metadata"]?["resourceVersion"]?.string ?? "").isEmpty else {
            throw .badRequest("resourceVersion should not be set on objects to be created")
        }
        for name in Self.serverFields { document["metadata"]?[name] = nil }
        if document["metadata"]?["name"]?.string ?? "" == "" {
            guard let prefix = document["metadata"]?["generateName"]?.string, !prefix.isEmpty else {
                throw .invalid(
                    type, "",
                    [
                        .init(
                            reason: "FieldValueRequired", field: "metadata.name",
                            message: "Required value: name or generateName is required")
                    ])
            }
            // 63 characters is what every type's names may have.
            document["metadata"]?["name"] = .string(String(prefix.prefix(58)) + ids.suffix(length: 5))
        }
        // Nodes register themselves with what they saw; everybody else's status starts empty.
        if Self.ownsStatus(type), type != .node { document["status"] = nil }
        if type == .pod { document["status"] = ["phase": "Pending"] }
        if type == .namespace { prepareNamespace(&document) }
        document = try checked(document)
        document["metadata"]?["uid"] = .string(ids.uid())
        document["metadata"]?["creationTimestamp"] = .string(now.description)
        if document["spec"] != nil { document["metadata"]?["generation"] = 1 }
        return document
    }

    private static let serverFields = [
        "uid", "resourceVersion", "generation", "creationTimestamp", "deletionTimestamp", "deletionGracePeriodSeconds",
        "selfLink", "managedFields",
    ]

    private func prepareNamespace(_ document: inout JSONValue) {
        var finalizers = document["metadata"]?["finalizers"]?.array ?? []
        let own = JSONValue.string(Self.namespaceFinalizer)
        if !finalizers.contains(own) { finalizers.append(own) }
        document["metadata"]?["finalizers"] = .array(finalizers)
        document["status"] = ["phase": "Active"]
    }

    /// A changed object: what the client may not change is as it was.
    ///
    /// - Parameter subresource: `status` when only the status changes.
    func updated(_ body: JSONValue, old: JSONValue, subresource: String?) throws(APIStatus) -> JSONValue {
        var document = body
        try checkIdentity(document, old: old)
        if subresource == "status" {
            // Checked whole first, so that a client learns of its mistakes; only the status is taken.
            document = try checked(document)
            var result = old
            result["status"] = document["status"]
            return result
        }
        if Self.ownsStatus(type) { document["status"] = old["status"] }
        for name in Self.serverFields { document["metadata"]?[name] = old["metadata"]?[name] }
        document = try checked(document)
        try checkFinalizers(document, old: old)
        let forbidden = Validation.errorsOnUpdate(old: old, new: document, type: type)
        guard forbidden.isEmpty else { throw .invalid(type, name(of: old), forbidden.map(APIStatus.Cause.init)) }
        if let generation = old["metadata"]?["generation"]?.integer, document["spec"] != old["spec"] {
            document["metadata"]?["generation"] = .integer(generation + 1)
        }
        return document
    }

    private func name(of document: JSONValue) -> String { document["metadata"]?["name"]?.string ?? "" }

    /// Checks what a client says it is changing.
    private func checkIdentity(_ document: JSONValue, old: JSONValue) throws(APIStatus) {
        let (given, stored) = (document["metadata"], old["metadata"])
        if let name = given?["name"]?.string, !name.isEmpty, name != stored?["name"]?.string {
            throw .badRequest(
                "the name of the object (\(name)) does not match the name on the URL (\(self.name(of: old)))")
        }
        if let uid = given?["uid"]?.string, !uid.isEmpty, uid != stored?["uid"]?.string {
            throw .conflict(
                type, name(of: old),
                "Precondition failed: UID in precondition: \(uid), UID in object meta: \(stored?["uid"]?.string ?? "")")
        }
        if let version = given?["resourceVersion"]?.string, !version.isEmpty,
            version != stored?["resourceVersion"]?.string
        {
            throw .modified(type, name(of: old))
        }
    }

    /// Who is being deleted gets no new finalizers: nobody may rely on being asked any more.
    private func checkFinalizers(_ document: JSONValue, old: JSONValue) throws(APIStatus) {
        guard old["metadata"]?["deletionTimestamp"] != nil else { return }
        let before = old["metadata"]?["finalizers"]?.array ?? []
        let added = (document["metadata"]?["finalizers"]?.array ?? []).filter { !before.contains($0) }
        guard added.isEmpty else {
            let names = added.compactMap(\.string).joined(separator: ", ")
            throw .invalid(
                type, name(of: old),
                [
                    .init(
                        reason: "FieldValueForbidden", field: "metadata.finalizers",
                        message: "Forbidden: no finalizer can be added to an object that is being deleted: \(names)")
                ])
        }
    }

    /// The document with its defaults, once it is found to be right.
    private func checked(_ document: JSONValue) throws(APIStatus) -> JSONValue {
        try ObjectSize.check(document)
        let errors = Validation.errors(in: document, type: type, strict: true)
        let unknown = errors.filter { $0.reason == .unknownField }
        if !unknown.isEmpty {
            let texts = unknown.map { "unknown field \"\($0.path)\"" }
            switch options.validation {
            case .strict:
                let hints = unknown.compactMap { error in
                    error.suggestion.map { "; did you mean \"\($0)\" for \"\(error.path)\"?" }
                }
                throw .badRequest(
                    "\(type.kind) in version \"\(type.version)\" cannot be handled as a \(type.kind): "
                        + "strict decoding error: " + texts.joined(separator: ", ") + hints.joined())
            case .warn: texts.forEach(warn)
            case .ignore: break
            }
        }
        let wrong = errors.filter { $0.reason != .unknownField }
        guard wrong.isEmpty else { throw .invalid(type, name(of: document), wrong.map(APIStatus.Cause.init)) }
        let kept = unknown.isEmpty ? document : Defaults.pruned(document, type: type)
        return Defaults.stored(kept, type: type)
    }

    /// Tells the client which of the fields it chose do nothing yet.
    func warnOfFieldsWithoutEffect(_ document: JSONValue) {
        for path in FieldStatus.notYetInEffect(in: document, type: type) {
            warn("\(path) is accepted and stored, but has no effect yet")
        }
    }
}

extension APIStatus.Cause {
    /// The cause of a field's error.
    init(_ error: FieldError) {
        let (reason, lead) =
            switch error.reason {
            case .required: ("FieldValueRequired", "Required value")
            case .notSupported: ("FieldValueNotSupported", "Unsupported value")
            case .duplicate: ("FieldValueDuplicate", "Duplicate value")
            case .forbidden, .conflict: ("FieldValueForbidden", "Forbidden")
            case .typeMismatch: ("FieldValueTypeInvalid", "Invalid value")
            case .unknownField, .invalidValue: ("FieldValueInvalid", "Invalid value")
            }
        var text = error.message
        if let suggestion = error.suggestion { text += "; did you mean \(suggestion)?" }
        let found = error.found.map { ": \($0)" } ?? ""
        self.init(reason: reason, field: "\(error.path)", message: "\(lead)\(found): \(text)")
    }
}
