/// A request as the server received it, body included.
public struct HTTPRequest: Sendable {
    /// `GET`, `POST`, ...
    public var method: String
    /// The decoded path, without the query.
    public var path: String
    /// Decoded query parameters, in order; names may repeat.
    public var query: [(name: String, value: String)]
    /// Header fields by lower-case name; repeated fields are joined by `, `.
    public var headers: [String: String]
    /// The whole body.
    public var body: [UInt8]
    /// The subject of the verified client certificate, if there was one.
    public var clientCertificate: CertificateSubject?
    /// Why the certificate that the client presented proves nothing; nil when it is verified or there is none. Whoever
    /// authenticates requests answers 401 to one that has an error here.
    public var certificateError: String?
    /// The client's IP address.
    public var remoteAddress = ""

    /// Makes a request.
    public init(
        method: String, path: String, query: [(name: String, value: String)] = [], headers: [String: String] = [:],
        body: [UInt8] = [], clientCertificate: CertificateSubject? = nil
    ) {
        self.method = method
        self.path = path
        self.query = query
        self.headers = headers
        self.body = body
        self.clientCertificate = clientCertificate
    }

    /// The first value of a query parameter.
    public func parameter(_ name: String) -> String? { query.first { $0.name == name }?.value }
}

/// Who a verified certificate names.
public struct CertificateSubject: Sendable, Hashable {
    /// `CN`: the user.
    public var commonName: String
    /// `O`: the groups.
    public var organizations: [String]

    /// Makes a subject.
    public init(commonName: String, organizations: [String]) {
        self.commonName = commonName
        self.organizations = organizations
    }
}

/// How a request is answered; exactly one of the methods is called, once, from any thread.
public protocol HTTPResponder: AnyObject, Sendable {
    /// Answers with a whole body.
    func respond(status: Int, headers: [(name: String, value: String)], body: [UInt8])
    /// Starts an answer of unknown length (chunked).
    func stream(status: Int, headers: [(name: String, value: String)]) -> any HTTPStream
    /// Answers 101 and hands over the connection as a plain-text blocking descriptor, with the bytes that were already read.
    /// Called back on a thread of its own; the callee closes the descriptor. The connection ends when the callee returns.
    ///
    /// - Parameter headers: `Upgrade` and what else the protocol wants; `Connection: Upgrade` is added.
    func upgrade(
        headers: [(name: String, value: String)],
        _ handler: @escaping @Sendable (_ descriptor: Int32, _ early: [UInt8]) -> Void)
}

/// The body of an answer of unknown length. Methods may be called from any thread and, but for `waitForRoom`, never
/// block.
///
/// Who writes more than a client may leave unread (`HTTPServerConfig.maximumStreamBacklogBytes`) waits for room in
/// between. A client that takes nothing at all for `idleTimeoutSeconds` is cut off, which ends every wait.
public protocol HTTPStream: AnyObject, Sendable {
    /// Queues bytes; false when the client is gone, or has left so much unread that it was cut off.
    @discardableResult func write(_ bytes: [UInt8]) -> Bool
    /// How many bytes are queued and not yet on their way to the client.
    var backlogBytes: Int { get }
    /// Has a callback called once when fewer bytes are queued than a mark, or the client is gone: at once on the caller's
    /// thread if that is so already, else on one of the server's, so it must not block.
    func whenRoom(below mark: Int, _ handler: @escaping @Sendable () -> Void)
    /// Blocks until fewer bytes are queued than a mark; false when the client is gone. Never to be called on the thread
    /// on which the server called its handler: that is the one that makes room.
    @discardableResult func waitForRoom(below mark: Int) -> Bool
    /// Ends the body after what is queued.
    func finish()
    /// Has a callback called once when the client is gone or the body has ended.
    func onClose(_ handler: @escaping @Sendable () -> Void)
}

/// How a server listens.
public struct HTTPServerConfig: Sendable {
    /// The IPv4 or IPv6 address to listen on.
    public var address: String
    /// The port; 0 for any free one.
    public var port: UInt16
    /// The server's certificate chain and private key in PEM; nil for plain HTTP.
    public var tls: TLSIdentity?
    /// The CA in PEM whose client certificates are accepted; nil asks for none. A certificate stays optional.
    public var clientCA: String?
    /// The largest body accepted, in bytes; beyond it the answer is 413.
    public var maximumBodyBytes = 3 << 20
    /// How much the bodies that are being received may take together, in bytes; beyond it the answer is 503.
    public var maximumBodyMemoryBytes = 256 << 20
    /// How many unread bytes a stream's client may leave before it is cut off.
    public var maximumStreamBacklogBytes = 16 << 20
    /// How many threads serve connections. Handlers run on them, so they must not block.
    public var threads = 2
    /// How many connections may be open; further clients wait in the kernel's queue.
    public var maximumConnections = 8192
    /// After how many seconds a connection without traffic is closed. Streams with nothing to say and upgraded
    /// connections are not idle.
    public var idleTimeoutSeconds = 180

    /// Makes a configuration.
    public init(address: String, port: UInt16, tls: TLSIdentity? = nil, clientCA: String? = nil) {
        self.address = address
        self.port = port
        self.tls = tls
        self.clientCA = clientCA
    }
}

/// A certificate chain and its private key, in PEM.
public struct TLSIdentity: Sendable, Hashable {
    /// The chain, leaf first.
    public var certificateChain: String
    /// The private key.
    public var privateKey: String

    /// Makes an identity.
    public init(certificateChain: String, privateKey: String) {
        self.certificateChain = certificateChain
        self.privateKey = privateKey
    }
}
