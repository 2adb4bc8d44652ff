import HTTP
import Model
import Store
import Wire

extension APIServer {
    /// `GET` of an App's scale.
    func getScale(_ path: ResourcePath, _ exchange: Exchange) throws(APIStatus) {
        guard let app = store.get(path.key) else { throw .notFound(path.type, path.name ?? "") }
        exchange.reply(Self.scale(of: app.document))
    }

    /// `PUT` and `PATCH` of an App's scale.
    func changeScale(_ path: ResourcePath, _ exchange: Exchange) throws(APIStatus) {
        let options = try WriteOptions(exchange.request)
        let edit = try Edit(exchange.request, type: path.type)
        let warn: @Sendable (String) -> Void = { exchange.warn($0) }
        mutate(exchange) { [self] () throws(APIStatus) in
            guard let existing = store.get(path.key) else { throw .notFound(path.type, path.name ?? "") }
            let wanted = try edit.applied(to: Self.scale(of: existing.document))
            let body = try Self.scaled(existing, to: wanted)
            let admission = Admission(type: path.type, options: options, warn: warn)
            var main = path
            main.subresource = nil
            switch try planUpdate(existing, body, main, admission) {
            case .reply(let document, let code): return .reply(Self.scale(of: document), code: code)
            case .commit(let transaction, let code, let answer):
                return .commit(transaction, code: code, answer: { Self.scale(of: answer($0)) })
            }
        }
    }

    private static func scaled(_ existing: StoredObject, to scale: JSONValue) throws(APIStatus) -> JSONValue {
        let type = existing.key.type
        func invalid(_ reason: String, _ message: String) -> APIStatus {
            .invalid(type, existing.key.name, [.init(reason: reason, field: "spec.replicas", message: message)])
        }
        guard let replicas = (scale["spec"]?["replicas"] ?? 0).integer, replicas >= 0 else {
            let found = scale["spec"]?["replicas"]?.shownInMessages ?? ""
            throw invalid("FieldValueInvalid", "Invalid value: \(found): must be a number that is not negative")
        }
        guard existing.document["spec"]?["autoscale"] == nil else {
            throw invalid(
                "FieldValueForbidden",
                "Forbidden: spec.autoscale decides how many pods run; change its min and max, or remove it first")
        }
        var body = existing.document
        body["metadata"]?["resourceVersion"] = scale["metadata"]?["resourceVersion"]
        body["metadata"]?["uid"] = scale["metadata"]?["uid"]
        body["spec"]?["replicas"] = .integer(replicas)
        return body
    }

    /// The scale of an App, as `autoscaling/v1` writes it.
    static func scale(of app: JSONValue) -> JSONValue {
        var metadata = JSONObject()
        for name in ["name", "namespace", "uid", "resourceVersion", "creationTimestamp"] {
            metadata[name] = app["metadata"]?[name]
        }
        let observed = app["status"]?["replicas"]?.integer ?? 0
        var status: JSONValue = ["replicas": .integer(observed)]
        if let selector = app["status"]?["selector"] { status["selector"] = selector }
        return [
            "kind": "Scale", "apiVersion": "autoscaling/v1", "metadata": .object(metadata),
            "spec": ["replicas": .integer(app["spec"]?["replicas"]?.integer ?? observed)], "status": status,
        ]
    }
}
