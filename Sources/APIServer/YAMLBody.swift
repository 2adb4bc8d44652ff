import HTTP
import Model
import Wire
internal import YAML

extension HTTPRequest {
    /// The body of a server-side apply: one YAML document, which may be JSON.
    func yamlBody() throws(APIStatus) -> JSONValue {
        // Clients send JSON. The parsers differ in what they make of escapes and long keys, so that is read as what it is.
        if let document = try? JSONValue(parsing: body) { return document }
        let stream = YAML.read(body)
        var errors = stream.errors
        if errors.isEmpty {
            guard stream.documents.count == 1, let document = stream.documents.first else {
                throw .badRequest("the body must be one YAML document, not \(stream.documents.count)")
            }
            let value = document.json(errors: &errors)
            if errors.isEmpty { return value }
        }
        throw .badRequest("the body is no YAML document: " + errors.map(\.description).joined(separator: "; "))
    }
}

extension YAMLNode {
    /// The node as a JSON value; what JSON has no room for is noted as an error.
    fileprivate func json(errors: inout [YAMLError]) -> JSONValue {
        switch content {
        case .sequence(let elements): return .array(elements.map { $0.json(errors: &errors) })
        case .mapping(let entries):
            var object = JSONObject()
            // The reader has refused keys that are there twice.
            for entry in entries { object.appendUnchecked(entry.key, entry.value.json(errors: &errors)) }
            return .object(object)
        case .scalar(let scalar):
            switch scalar.meaning {
            case .null: return .null
            case .bool(let value): return .bool(value)
            case .integer(let value): return .integer(value)
            case .number(let value): return .number(value)
            case .string: return .string(scalar.text)
            case .refused(let message):
                errors.append(YAMLError(mark, message))
                return .null
            }
        }
    }
}
