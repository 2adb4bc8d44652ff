import HTTP
import Model
import Wire

/// What becomes of fields that the schema does not know (`fieldValidation`).
enum FieldValidation: String, Sendable {
    /// The request is refused.
    case strict = "Strict"
    /// They are dropped, and the client is told.
    case warn = "Warn"
    /// They are dropped.
    case ignore = "Ignore"
}

/// How a write is meant.
struct WriteOptions: Sendable {
    /// Whether everything is done but storing.
    var isDryRun = false
    var validation = FieldValidation.warn

    /// Reads the query.
    init(_ request: HTTPRequest) throws(APIStatus) {
        isDryRun = try Self.isDryRun(request.query.filter { $0.name == "dryRun" }.map(\.value))
        if let text = request.parameter("fieldValidation"), !text.isEmpty {
            guard let validation = FieldValidation(rawValue: text) else {
                throw .badRequest("fieldValidation \"\(text)\" is unknown: use Strict, Warn or Ignore")
            }
            self.validation = validation
        }
    }

    static func isDryRun(_ values: [String]) throws(APIStatus) -> Bool {
        for value in values where value != "All" {
            throw .badRequest("dryRun \"\(value)\" is unknown: use All")
        }
        return !values.isEmpty
    }
}

/// How a deletion is meant: the `DeleteOptions` of the body, else the query.
struct DeleteOptions: Sendable {
    var isDryRun = false
    var gracePeriodSeconds: Int64?
    var uid: String?
    var resourceVersion: String?
    var orphansDependents = false

    init(_ request: HTTPRequest) throws(APIStatus) {
        let body = request.body.isEmpty ? JSONValue.object(JSONObject()) : try request.jsonBody(Self.mediaTypes)
        let listed = body["dryRun"]?.array?.compactMap(\.string) ?? []
        isDryRun = try WriteOptions.isDryRun(
            listed + request.query.filter { $0.name == "dryRun" }.map(\.value))
        gracePeriodSeconds = body["gracePeriodSeconds"]?.integer
        if let text = request.parameter("gracePeriodSeconds") {
            guard let seconds = Int64(text) else { throw .badRequest("gracePeriodSeconds \"\(text)\" is no number") }
            gracePeriodSeconds = seconds
        }
        if let seconds = gracePeriodSeconds, seconds < 0 {
            throw .badRequest("gracePeriodSeconds must not be negative")
        }
        uid = body["preconditions"]?["uid"]?.string
        resourceVersion = body["preconditions"]?["resourceVersion"]?.string
        let policy = body["propagationPolicy"]?.string ?? request.parameter("propagationPolicy") ?? "Background"
        guard ["Background", "Foreground", "Orphan"].contains(policy) else {
            throw .badRequest("propagationPolicy \"\(policy)\" is unknown: use Background, Foreground or Orphan")
        }
        let orphans = body["orphanDependents"]?.bool ?? (request.parameter("orphanDependents") == "true")
        orphansDependents = orphans || policy == "Orphan"
    }

    private static let mediaTypes = ["application/json"]
}

extension HTTPRequest {
    /// The media type of the body; JSON where the request does not say, as some clients do.
    var bodyType: String { headers["content-type"].flatMap { MediaType($0)?.name } ?? "application/json" }

    /// The body as JSON.
    func jsonBody(_ mediaTypes: [String]) throws(APIStatus) -> JSONValue {
        guard mediaTypes.contains(bodyType) else { throw .unsupportedMediaType(bodyType, supported: mediaTypes) }
        do throws(JSONError) {
            return try JSONValue(parsing: body)
        } catch {
            throw .badRequest("the body is no JSON document: \(error)")
        }
    }
}
