/// How a client wants an answer.
public enum ResponseForm: Hashable, Sendable {
    /// The objects themselves.
    case object
    /// A `Table`.
    case table
    /// `PartialObjectMetadata` of the objects.
    case metadata
    /// Aggregated discovery.
    case aggregatedDiscovery
}

/// A media type with its parameters (RFC 9110 section 8.3.1).
public struct MediaType: Hashable, Sendable {
    /// `application/json`, in lower case.
    public var name: String
    /// The parameters by lower-case name.
    public var parameters: [String: String] = [:]

    /// Parses one media type; nil when there is none.
    public init?(_ text: some StringProtocol) {
        let parts = text.split(separator: ";", omittingEmptySubsequences: false).map { Self.trimmed(String($0)) }
        guard let first = parts.first, !first.isEmpty else { return nil }
        name = first.lowercased()
        for part in parts.dropFirst() {
            guard let equals = part.firstIndex(of: "=") else { continue }
            let value = part[part.index(after: equals)...]
            parameters[part[..<equals].lowercased()] = String(value.filter { $0 != "\"" })
        }
    }

    /// The media types of an `Accept` header, in writing order.
    public static func accepted(_ header: String) -> [MediaType] {
        header.split(separator: ",").compactMap { MediaType($0) }
    }

    /// The first form of an `Accept` header that the server has; nil when it has none of them. Absent means anything.
    public static func form(accept header: String?) -> ResponseForm? {
        guard let header, !header.isEmpty else { return .object }
        for type in accepted(header) where ["application/json", "*/*", "application/*"].contains(type.name) {
            switch (type.parameters["as"], type.parameters["g"], type.parameters["v"]) {
            case (nil, _, _): return .object
            case ("Table", "meta.k8s.io", "v1"): return .table
            case ("PartialObjectMetadata", "meta.k8s.io", "v1"), ("PartialObjectMetadataList", "meta.k8s.io", "v1"):
                return .metadata
            case ("APIGroupDiscoveryList", "apidiscovery.k8s.io", "v2"): return .aggregatedDiscovery
            default: continue
            }
        }
        return nil
    }

    private static func trimmed(_ text: String) -> String {
        var text = Substring(text)
        while text.first == " " { text.removeFirst() }
        while text.last == " " { text.removeLast() }
        return String(text)
    }
}
