import Model

extension ClientError: CustomStringConvertible {
    /// What to tell the user, without `error:` in front: `apps.martlet.dev "web" not found`.
    public var description: String {
        switch self {
        case .unreachable(let text), .badResponse(let text), .configuration(let text): text
        case .status(let code, let reason, let message, _):
            if code == 401 {
                "the server does not accept the kubeconfig's credentials: \(message)"
            } else {
                message.isEmpty ? "the server answered \(code) \(reason)" : message
            }
        }
    }

    /// Whether the server said that there is no such object.
    public var isNotFound: Bool { statusCode == 404 }
    /// Whether the object was changed by somebody else meanwhile, or exists already.
    public var isConflict: Bool { statusCode == 409 }
    /// Whether a list or watch has to start anew, because what it asks for is forgotten.
    public var isExpired: Bool { statusCode == 410 }

    /// The HTTP status of the server's answer; nil when there was none.
    public var statusCode: Int? { if case .status(let code, _, _, _) = self { code } else { nil } }

    /// The error that an answer of 400 or above means: its `Status` object, or what its text says.
    public static func status(of code: Int, body: [UInt8]) -> ClientError {
        if let status = try? JSONValue(parsing: body), status["kind"]?.string == "Status" {
            return ClientError(statusObject: status, code: code)
        }
        let line = String(decoding: body.prefix(512), as: UTF8.self).split(whereSeparator: \.isNewline).first
        return .status(
            code: code, reason: "", message: line.map(String.init) ?? "the server answered \(code)", details: nil)
    }

    /// The error that a `Status` object means.
    init(statusObject status: JSONValue, code: Int = 500) {
        self = .status(
            code: status["code"]?.integer.flatMap { Int(exactly: $0) } ?? code, reason: status["reason"]?.string ?? "",
            message: status["message"]?.string ?? "", details: status["details"])
    }
}
