public import Model

/// How a client reaches and trusts the API server: one context of a kubeconfig file.
public struct ClientConfig: Sendable, Hashable {
    /// `https://127.0.0.1:7443`.
    public var server: String
    /// The CA in PEM.
    public var certificateAuthority: String?
    /// The client's certificate in PEM.
    public var clientCertificate: String?
    /// The client's private key in PEM.
    public var clientKey: String?
    /// A bearer token.
    public var token: String?
    /// The namespace used where none is given.
    public var namespace: String

    /// Makes a configuration.
    public init(
        server: String, certificateAuthority: String? = nil, clientCertificate: String? = nil, clientKey: String? = nil,
        token: String? = nil, namespace: String = "default"
    ) {
        self.server = server
        self.certificateAuthority = certificateAuthority
        self.clientCertificate = clientCertificate
        self.clientKey = clientKey
        self.token = token
        self.namespace = namespace
    }
}

/// An answer of the API server.
public struct APIResponse: Sendable {
    /// The HTTP status code.
    public var status: Int
    /// Header fields by lower-case name.
    public var headers: [String: String]
    /// The whole body.
    public var body: [UInt8]

    /// Makes an answer.
    public init(status: Int, headers: [String: String], body: [UInt8]) {
        self.status = status
        self.headers = headers
        self.body = body
    }
}

/// Why a request did not succeed.
public enum ClientError: Error, Sendable {
    /// The server could not be reached or the connection broke; the text says which server and why.
    case unreachable(String)
    /// The server answered with an error: a `Status` object (Kubernetes API conventions).
    case status(code: Int, reason: String, message: String, details: JSONValue?)
    /// The server's answer could not be understood.
    case badResponse(String)
    /// The kubeconfig file is missing or cannot be understood; the text names the file and the fix.
    case configuration(String)
}

/// How a patch is written.
public enum PatchType: String, Sendable {
    /// RFC 7386.
    case merge = "application/merge-patch+json"
    /// RFC 6902.
    case json = "application/json-patch+json"
}

/// One change a watch delivers.
public enum WatchEvent: Sendable {
    case added(JSONValue)
    case modified(JSONValue)
    case deleted(JSONValue)
    /// The resource version reached so far.
    case bookmark(resourceVersion: String)
}

/// A client of the API: synchronous, thread-safe, reusing connections. Streaming calls block their thread until
/// the stream ends or the handler returns false.
public protocol APIClient: AnyObject, Sendable {
    /// How the server is reached.
    var config: ClientConfig { get }
    /// Makes one request and returns the answer, whatever its status.
    ///
    /// - Parameters:
    ///   - path: the path and query, percent-encoded: `/api/v1/pods?limit=500`.
    ///   - headers: further header fields (`Accept`, `Content-Type`).
    func send(
        _ method: String, _ path: String, headers: [(name: String, value: String)], body: [UInt8]?
    ) throws(ClientError) -> APIResponse
    /// Makes one request and hands over the body as it arrives, until it ends or the handler returns false.
    /// An answer of 400 or above is thrown as `ClientError.status`.
    func stream(
        _ method: String, _ path: String, headers: [(name: String, value: String)],
        _ handler: (ArraySlice<UInt8>) -> Bool
    ) throws(ClientError)
    /// Opens a WebSocket (RFC 6455) to a path with the given subprotocols.
    func webSocket(_ path: String, subprotocols: [String]) throws(ClientError) -> any ClientWebSocket
}

/// An open WebSocket. `send` and `receive` may be called from two different threads.
public protocol ClientWebSocket: AnyObject, Sendable {
    /// The subprotocol the server chose.
    var subprotocol: String { get }
    /// Sends one binary message.
    func send(_ message: [UInt8]) throws(ClientError)
    /// Waits for one message; nil when the server has closed the connection.
    func receive() throws(ClientError) -> [UInt8]?
    /// Closes the connection.
    func close()
}
