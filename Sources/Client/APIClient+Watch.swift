public import Model

extension APIClient {
    /// Hands over the changes of a selection as they happen, until the handler returns false or the server ends the
    /// watch, which it may do at any time: the caller then goes on from the last resource version it saw.
    ///
    /// - Parameters:
    ///   - resourceVersion: after which revision; nil begins with what there is, as `added`.
    ///   - timeoutSeconds: after how long the server ends the watch.
    ///   - accept: the form of the objects, where it is not theirs: a table's media type.
    /// - Throws: `ClientError.status` for an `ERROR` event: with code 410, `isExpired`, the caller lists again.
    public func watch(
        _ type: ResourceType, _ selection: ListSelection = ListSelection(), resourceVersion: String?,
        timeoutSeconds: Int? = nil, accept: String? = nil, _ handler: (WatchEvent) -> Bool
    ) throws(ClientError) {
        let parameters =
            selection.parameters + [
                ("watch", "true"), ("allowWatchBookmarks", "true"), ("resourceVersion", resourceVersion),
                ("timeoutSeconds", timeoutSeconds.map(String.init)),
            ]
        var splitter = JSONStreamSplitter()
        var failure: ClientError?
        let headers = accept.map { [(name: "Accept", value: $0)] } ?? []
        try stream("GET", path(type, selection.namespace) + PercentEncoding.query(parameters), headers: headers) {
            bytes in
            do {
                for document in try splitter.append(bytes) {
                    guard let event = try WatchEvent(document: document) else { continue }
                    guard handler(event) else { return false }
                }
                return true
            } catch let error as ClientError {
                failure = error
            } catch {
                failure = .badResponse("the server's watch cannot be understood: \(error)")
            }
            return false
        }
        if let failure { throw failure }
    }
}

extension WatchEvent {
    /// Reads an event of the wire; nil for a kind that this client does not know.
    package init?(document: [UInt8]) throws {
        let event = try JSONValue(parsing: document)
        let object = event["object"] ?? .null
        switch event["type"]?.string {
        case "ADDED": self = .added(object)
        case "MODIFIED": self = .modified(object)
        case "DELETED": self = .deleted(object)
        case "BOOKMARK":
            self = .bookmark(resourceVersion: object["metadata"]?["resourceVersion"]?.string ?? "")
        case "ERROR": throw ClientError(statusObject: object)
        default: return nil
        }
    }

    /// The resource version that the event brings the watch to; empty when the server gave none.
    public var resourceVersion: String {
        switch self {
        case .bookmark(let version): version
        case .added(let object), .modified(let object), .deleted(let object):
            object["metadata"]?["resourceVersion"]?.string ?? ""
        }
    }
}
