import HTTP
import Model
import Synchronization
import Wire

/// One request and the way to its answer.
final class Exchange: Sendable {
    let request: HTTPRequest
    let responder: any HTTPResponder
    private let metrics: RequestMetrics
    private let notes = Mutex(Notes())

    private struct Notes {
        var warnings: [String] = []
        var warned = 0
        var verb = "other"
        var resource = ""
    }

    init(_ request: HTTPRequest, _ responder: any HTTPResponder, metrics: RequestMetrics) {
        self.request = request
        self.responder = responder
        self.metrics = metrics
    }

    /// Says what the request is, for the measurements.
    func describe(verb: String, resource: String) {
        notes.withLock {
            $0.verb = verb
            $0.resource = resource
        }
    }

    /// How much is told in warnings, in characters: clients refuse answers with long heads.
    private static let maximumWarnings = 4096

    /// Tells the client something in a `Warning` header (RFC 9111 section 5.5), once. Of very many warnings only the
    /// first are told, and of a long one its beginning.
    func warn(_ text: String) {
        let text = String(text.prefix(256))
        notes.withLock { notes in
            guard notes.warned + text.count <= Self.maximumWarnings, !notes.warnings.contains(text) else { return }
            notes.warnings.append(text)
            notes.warned += text.count
        }
    }

    /// Answers with a document.
    func reply(_ document: JSONValue, code: Int = 200) { reply(document.serialized(), code: code) }

    /// Answers with bytes.
    func reply(
        _ bytes: [UInt8], code: Int = 200, type: String = "application/json",
        headers: [(name: String, value: String)] = []
    ) {
        count(code)
        responder.respond(status: code, headers: standardHeaders(type) + headers, body: bytes)
    }

    /// Answers with an error, or with a success that has no object.
    func fail(_ status: APIStatus) {
        var headers: [(name: String, value: String)] = []
        if let seconds = status.retryAfterSeconds { headers.append(("Retry-After", String(seconds))) }
        if status.code == 401 { headers.append(("WWW-Authenticate", "Bearer realm=\"martlet\"")) }
        reply(status.document.serialized(), code: status.code, headers: headers)
    }

    /// Starts an answer of unknown length.
    func stream(type: String) -> any HTTPStream {
        count(200)
        return responder.stream(status: 200, headers: standardHeaders(type))
    }

    /// Counts an answer that is not made here.
    func count(_ code: Int) {
        let (verb, resource) = notes.withLock { ($0.verb, $0.resource) }
        metrics.count(verb: verb, resource: resource, code: code)
    }

    private func standardHeaders(_ type: String) -> [(name: String, value: String)] {
        var headers: [(name: String, value: String)] = [("Content-Type", type), ("Cache-Control", "no-cache, private")]
        for warning in notes.withLock({ $0.warnings }) {
            headers.append(("Warning", "299 - \"\(Self.quoted(warning))\""))
        }
        return headers
    }

    /// The text as the inside of a quoted string of one line.
    private static func quoted(_ text: String) -> String {
        text.reduce(into: "") { result, character in
            switch character {
            case "\"", "\\": result += "\\\(character)"
            case "\n", "\r", "\r\n", "\t": result += " "
            default: result.append(character)
            }
        }
    }
}
