public import Model

/// What the server says about a request that did not return an object: a `Status` (Kubernetes API conventions,
/// "Response Status Kind"). Thrown by whatever serves a request.
public struct APIStatus: Error, Hashable, Sendable {
    /// One of several things that are wrong.
    public struct Cause: Hashable, Sendable {
        /// One CamelCase word: `FieldValueInvalid`, `FieldValueRequired`, ...
        public var reason: String
        /// The path of the field, if the cause is a field.
        public var field: String?
        /// What is wrong with it.
        public var message: String

        /// Makes a cause.
        public init(reason: String, field: String? = nil, message: String) {
            self.reason = reason
            self.field = field
            self.message = message
        }
    }

    /// The HTTP status code.
    public var code: Int
    /// One CamelCase word by which clients decide: `NotFound`, `Conflict`, ...; empty for a success.
    public var reason: String
    /// A sentence for people.
    public var message: String
    /// The object's name, if the answer is about one.
    public var name: String?
    /// The API group of what it is about.
    public var group: String?
    /// The plural of what it is about; the kind where fields of an object are invalid.
    public var kind: String?
    /// The object's identity.
    public var uid: String?
    /// What is wrong in detail.
    public var causes: [Cause] = []
    /// After how many seconds the client may try again.
    public var retryAfterSeconds: Int?

    /// Makes a status.
    public init(code: Int, reason: String, message: String, type: ResourceType? = nil, name: String? = nil) {
        self.code = code
        self.reason = reason
        self.message = message
        self.name = name
        kind = type?.plural
        group = type.flatMap { $0.group.isEmpty ? nil : $0.group }
    }

    /// The `Status` object.
    public var document: JSONValue {
        var document: JSONValue = [
            "kind": "Status", "apiVersion": "v1", "metadata": [:], "status": code < 400 ? "Success" : "Failure",
        ]
        if !message.isEmpty { document["message"] = .string(message) }
        if !reason.isEmpty { document["reason"] = .string(reason) }
        if let details { document["details"] = details }
        document["code"] = .integer(Int64(code))
        return document
    }

    private var details: JSONValue? {
        var details = JSONObject()
        details["name"] = name.map { .string($0) }
        details["group"] = group.map { .string($0) }
        details["kind"] = kind.map { .string($0) }
        details["uid"] = uid.map { .string($0) }
        if !causes.isEmpty { details["causes"] = .array(causes.map(\.document)) }
        details["retryAfterSeconds"] = retryAfterSeconds.map { .integer(Int64($0)) }
        return details.isEmpty ? nil : .object(details)
    }
}

extension APIStatus.Cause {
    fileprivate var document: JSONValue {
        var document: JSONValue = ["reason": .string(reason), "message": .string(message)]
        if let field { document["field"] = .string(field) }
        return document
    }
}

extension APIStatus {
    /// 400: the request itself makes no sense.
    public static func badRequest(_ message: String) -> APIStatus {
        APIStatus(code: 400, reason: "BadRequest", message: message)
    }

    /// 401: nobody the server knows.
    public static let unauthorized = APIStatus(code: 401, reason: "Unauthorized", message: "Unauthorized")

    /// 403: refused, whoever asks again.
    public static func forbidden(_ type: ResourceType, _ name: String, _ why: String) -> APIStatus {
        let what = name.isEmpty ? type.qualifiedName : "\(type.qualifiedName) \"\(name)\""
        return APIStatus(
            code: 403, reason: "Forbidden", message: "\(what) is forbidden: \(why)", type: type, name: name)
    }

    /// 404: no such object.
    public static func notFound(_ type: ResourceType, _ name: String) -> APIStatus {
        APIStatus(
            code: 404, reason: "NotFound", message: "\(type.qualifiedName) \"\(name)\" not found", type: type,
            name: name)
    }

    /// 404: no such path.
    public static let noSuchResource = APIStatus(
        code: 404, reason: "NotFound", message: "the server could not find the requested resource")

    /// 405: the path is there, but not for this method.
    public static func methodNotAllowed(_ method: String) -> APIStatus {
        APIStatus(
            code: 405, reason: "MethodNotAllowed",
            message: "the server does not allow this method on the requested resource: \(method)")
    }

    /// 409: the name is taken.
    public static func alreadyExists(_ type: ResourceType, _ name: String) -> APIStatus {
        APIStatus(
            code: 409, reason: "AlreadyExists", message: "\(type.qualifiedName) \"\(name)\" already exists",
            type: type, name: name)
    }

    /// 409: the object is not what the client thinks it is.
    public static func conflict(_ type: ResourceType, _ name: String, _ why: String) -> APIStatus {
        APIStatus(
            code: 409, reason: "Conflict",
            message: "Operation cannot be fulfilled on \(type.qualifiedName) \"\(name)\": \(why)", type: type,
            name: name)
    }

    /// 409: someone else changed the object first.
    public static func modified(_ type: ResourceType, _ name: String) -> APIStatus {
        conflict(
            type, name, "the object has been modified; please apply your changes to the latest version and try again")
    }

    /// 410: the history that was asked for is gone; the client lists again.
    public static func expired(_ message: String) -> APIStatus {
        APIStatus(code: 410, reason: "Expired", message: message)
    }

    /// 415: the body is in a format that the server does not read.
    public static func unsupportedMediaType(_ type: String, supported: [String]) -> APIStatus {
        APIStatus(
            code: 415, reason: "UnsupportedMediaType",
            message: "the body of the request was in an unknown format (\(type)) - accepted media types include: "
                + supported.joined(separator: ", "))
    }

    /// 422: fields of the object are wrong.
    public static func invalid(_ type: ResourceType, _ name: String, _ causes: [Cause]) -> APIStatus {
        let texts = causes.map { cause in (cause.field.map { "\($0): " } ?? "") + cause.message }
        let kind = type.group.isEmpty ? type.kind : "\(type.kind).\(type.group)"
        let list = texts.count == 1 ? texts[0] : "[\(texts.joined(separator: ", "))]"
        var status = APIStatus(
            code: 422, reason: "Invalid", message: "\(kind) \"\(name)\" is invalid: \(list)", type: type, name: name)
        status.kind = type.kind
        status.causes = causes
        return status
    }

    /// 429: too much at once.
    public static func tooManyRequests(_ message: String, retryAfterSeconds: Int = 1) -> APIStatus {
        var status = APIStatus(code: 429, reason: "TooManyRequests", message: message)
        status.retryAfterSeconds = retryAfterSeconds
        return status
    }

    /// 500: the server's fault.
    public static func internalError(_ message: String) -> APIStatus {
        APIStatus(code: 500, reason: "InternalError", message: "Internal error occurred: \(message)")
    }

    /// 503: not now.
    public static func unavailable(_ message: String) -> APIStatus {
        APIStatus(code: 503, reason: "ServiceUnavailable", message: message)
    }

    /// 507: there is no room for what would be stored (RFC 4918, section 11.5).
    public static func insufficientStorage(_ message: String) -> APIStatus {
        APIStatus(code: 507, reason: "InsufficientStorage", message: message)
    }

    /// 200: done, and there is no object to show.
    public static func success(_ type: ResourceType, _ name: String, uid: String?) -> APIStatus {
        var status = APIStatus(code: 200, reason: "", message: "", type: type, name: name)
        status.uid = uid
        return status
    }
}
