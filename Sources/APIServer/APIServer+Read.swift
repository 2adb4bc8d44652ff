import HTTP
import Model
import Store
import Wire

/// Which objects of a collection are wanted.
struct Selection: Sendable {
    let labels: LabelQuery
    let fields: FieldQuery
    let labelText: String
    let fieldText: String

    init(_ request: HTTPRequest, type: ResourceType) throws(APIStatus) {
        labelText = request.parameter("labelSelector") ?? ""
        fieldText = request.parameter("fieldSelector") ?? ""
        do throws(LabelQuery.ParseError) {
            labels = try LabelQuery(labelText)
        } catch {
            throw .badRequest("\(error)")
        }
        do throws(FieldQuery.ParseError) {
            fields = try FieldQuery(fieldText, type: type)
        } catch {
            throw .badRequest("\(error)")
        }
    }

    /// Whether an object is wanted.
    func matches(_ document: JSONValue) -> Bool {
        labels.matches(document["metadata"]?["labels"]?.object) && fields.matches(document)
    }

    /// The smallest part of the store that holds everything that is wanted.
    func scope(_ path: ResourcePath) -> StoreScope {
        StoreScope(
            type: path.type,
            namespace: path.namespace.isEmpty ? fields.required("metadata.namespace") : path.namespace,
            name: path.name ?? fields.required("metadata.name"))
    }
}

extension APIServer {
    /// `GET` of an object.
    func get(_ path: ResourcePath, _ exchange: Exchange) throws(APIStatus) {
        let view = try view(exchange.request)
        guard let object = store.get(path.key) else { throw .notFound(path.type, path.name ?? "") }
        switch view.form {
        case .table:
            let metadata = WireEncoding.listMetadata(revision: object.revision)
            exchange.reply(
                Table.document(
                    of: [object.document], type: path.type, metadata: metadata, policy: view.policy, now: clock()))
        case .metadata: exchange.reply(Table.partialMetadata(of: object.document))
        default: exchange.reply(encoder.document(object))
        }
    }

    /// How objects are to be rendered.
    func view(_ request: HTTPRequest) throws(APIStatus) -> ObjectView {
        guard let form = MediaType.form(accept: request.headers["accept"]) else {
            throw APIStatus(
                code: 406, reason: "NotAcceptable",
                message: "only the following media types are available: application/json, "
                    + "application/json;as=Table;v=v1;g=meta.k8s.io")
        }
        guard let text = request.parameter("includeObject"), !text.isEmpty else { return ObjectView(form: form) }
        guard let policy = TableObjectPolicy(rawValue: text) else {
            throw .badRequest("includeObject \"\(text)\" is unknown: use None, Metadata or Object")
        }
        return ObjectView(form: form, policy: policy)
    }

    /// `GET` of a collection.
    func list(_ path: ResourcePath, _ exchange: Exchange) throws(APIStatus) {
        let view = try view(exchange.request)
        let selection = try Selection(exchange.request, type: path.type)
        let page = try page(path, selection, exchange.request)
        let metadata = WireEncoding.listMetadata(
            revision: page.revision, next: page.next, remaining: page.next == nil ? nil : page.remaining)
        switch view.form {
        case .table:
            exchange.reply(
                Table.document(
                    of: page.objects.map(\.document), type: path.type, metadata: metadata, policy: view.policy,
                    now: clock()))
        case .metadata:
            let items = page.objects.map { Table.partialMetadata(of: $0.document).serialized() }
            exchange.reply(
                WireEncoding.list(
                    kind: "PartialObjectMetadataList", apiVersion: "meta.k8s.io/v1", metadata: metadata, items: items))
        default:
            exchange.reply(
                WireEncoding.list(
                    kind: path.type.kind + "List", apiVersion: path.type.apiVersion, metadata: metadata,
                    items: page.objects.map { encoder.document($0) }))
        }
    }

    private struct Page {
        var objects: [StoredObject]
        var revision: StoreRevision
        var next: ContinueToken?
        var remaining = 0
    }

    private func page(
        _ path: ResourcePath, _ selection: Selection, _ request: HTTPRequest
    ) throws(APIStatus) -> Page {
        let scope = selection.scope(path)
        let limit = try number(request, "limit") ?? 0
        func key(_ revision: StoreRevision) -> ListPages.Key {
            ListPages.Key(
                scope: scope, revision: revision, labels: selection.labelText, fields: selection.fieldText)
        }
        let all: ArraySlice<StoredObject>
        let revision: StoreRevision
        if let text = request.parameter("continue"), !text.isEmpty {
            guard let token = ContinueToken(text) else { throw .badRequest("the continue parameter is not valid") }
            revision = token.revision
            guard let held = pages.objects(key(revision), now: clock()) else {
                throw .expired(
                    "the provided continue parameter is too old to display a consistent list result; "
                        + "start the list again without it")
            }
            let last = ObjectKey(path.type, namespace: token.namespace, name: token.name)
            all = held.drop { $0.key <= last }
        } else {
            let listed = store.list(scope)
            revision = listed.revision
            try checkRevision(request, current: revision)
            let matching = listed.objects.filter { selection.matches($0.document) }
            if limit > 0, matching.count > limit { pages.keep(matching, as: key(revision), now: clock()) }
            all = matching[...]
        }
        guard limit > 0, all.count > limit, let last = all.prefix(limit).last?.key else {
            return Page(objects: Array(all), revision: revision)
        }
        let next = ContinueToken(revision: revision, namespace: last.namespace, name: last.name)
        return Page(objects: Array(all.prefix(limit)), revision: revision, next: next, remaining: all.count - limit)
    }

    /// A list shows what is stored now; that is at least as new as any revision a client knows of.
    private func checkRevision(_ request: HTTPRequest, current: StoreRevision) throws(APIStatus) {
        guard let text = request.parameter("resourceVersion"), !text.isEmpty, text != "0" else { return }
        guard let wanted = StoreRevision(text) else {
            throw .badRequest("the resource version \"\(text)\" is not valid")
        }
        guard wanted <= current else {
            var status = APIStatus(
                code: 504, reason: "Timeout",
                message: "Too large resource version: \(wanted), current: \(current)")
            status.causes = [.init(reason: "ResourceVersionTooLarge", message: "Too large resource version")]
            status.retryAfterSeconds = 1
            throw status
        }
        if request.parameter("resourceVersionMatch") == "Exact", wanted != current {
            throw .expired("only the current resource version \(current) can be listed exactly")
        }
    }

    /// A query parameter that is a number which is not negative.
    func number(_ request: HTTPRequest, _ name: String) throws(APIStatus) -> Int? {
        guard let text = request.parameter(name), !text.isEmpty else { return nil }
        guard let number = Int(text), number >= 0 else { throw .badRequest("\(name) \"\(text)\" is no valid number") }
        return number
    }
}
