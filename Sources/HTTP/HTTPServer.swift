internal import CGnuTLS
internal import CMicroHTTPD
internal import Glibc
import Synchronization

/// An HTTP/1.1 server over TLS 1.2 and 1.3, on libmicrohttpd.
///
/// The handler is called on one of the server's threads and must not block; answers come from any thread at any time.
/// SIGPIPE is ignored in the whole process, as every program that writes to sockets wants it.
public final class HTTPServer: Sendable {
    /// The port that the server listens on.
    public let port: UInt16
    private let core: ServerCore
    private let daemon: Mutex<Daemon?>

    /// Starts to listen and to serve.
    ///
    /// - Throws: `HTTPServerError` that says which address, certificate or key cannot be used and why.
    public init(
        config: HTTPServerConfig, handler: @escaping @Sendable (HTTPRequest, any HTTPResponder) -> Void
    ) throws(HTTPServerError) {
        signal(SIGPIPE, SIG_IGN)
        try HTTPServer.check(config)
        core = try ServerCore(config: config, handler: handler)
        let listener = try Listener(address: config.address, port: config.port)
        port = listener.port
        guard let started = HTTPServer.start(core, listener) else {
            close(listener.descriptor)
            throw HTTPServerError(message: "cannot start the HTTP server on \(config.address):\(listener.port)")
        }
        daemon = Mutex(started)
        try core.hangups.start()
    }

    deinit { stop() }

    /// Stops: nothing new is accepted, waiting requests are answered 503, streams and upgraded connections are cut
    /// off. Returns when no handler runs any more; those of upgraded connections read the end and return by themselves.
    public func stop() {
        let daemon = daemon.withLock { daemon in
            defer { daemon = nil }
            return daemon
        }
        guard let daemon else { return }
        // Not MHD_quiesce_daemon first: in 0.9.75 it aborts the process when one of the library's threads wakes up at that
        // moment and takes the listening socket out of its epoll set before it does. Requests that still come are refused.
        core.registry.stop()
        MHD_stop_daemon(daemon.pointer)
        core.hangups.stop()
    }

    private static func start(_ core: ServerCore, _ listener: Listener) -> Daemon? {
        var options = martlet_mhd_options()
        options.listen_descriptor = listener.descriptor
        options.threads = UInt32(max(1, core.config.threads))
        options.connection_limit = UInt32(max(core.config.threads, core.config.maximumConnections))
        options.idle_timeout_seconds = UInt32(max(0, core.config.idleTimeoutSeconds))
        // The server owns the core for as long as the daemon runs.
        options.context = Unmanaged.passUnretained(core).toOpaque()
        options.handle = handleRequest
        options.started = startRequest
        options.completed = completeRequest
        options.connected = connectionChanged
        guard let tls = core.config.tls else {
            return martlet_mhd_start(&options).map { Daemon(pointer: $0) }
        }
        return withTexts([tls.certificateChain, tls.privateKey, core.config.clientCA, priorities]) { texts in
            options.certificate = texts[0]
            options.private_key = texts[1]
            options.client_ca = texts[2]
            options.priorities = texts[3]
            return martlet_mhd_start(&options).map { Daemon(pointer: $0) }
        }
    }

    /// What TLS may be spoken (gnutls priority strings).
    private static let priorities = "NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2"

    /// Finds out what is wrong with the certificates; the library only says that it did not start.
    private static func check(_ config: HTTPServerConfig) throws(HTTPServerError) {
        guard let tls = config.tls else { return }
        var credentials: gnutls_certificate_credentials_t?
        guard gnutls_certificate_allocate_credentials(&credentials) >= 0, let credentials else {
            throw HTTPServerError(message: "cannot prepare TLS")
        }
        defer { gnutls_certificate_free_credentials(credentials) }
        let code = withTexts([tls.certificateChain, tls.privateKey]) { texts in
            var chain = datum(texts[0])
            var key = datum(texts[1])
            return gnutls_certificate_set_x509_key_mem(credentials, &chain, &key, GNUTLS_X509_FMT_PEM)
        }
        guard code >= 0 else {
            throw HTTPServerError(
                message: "the server's certificate and key cannot be used: \(String(cString: gnutls_strerror(code)))")
        }
        guard let authority = config.clientCA else { return }
        let count = withTexts([authority]) { texts in
            var authority = datum(texts[0])
            return gnutls_certificate_set_x509_trust_mem(credentials, &authority, GNUTLS_X509_FMT_PEM)
        }
        guard count > 0 else { throw HTTPServerError(message: "the client authority's certificate cannot be used") }
    }

    private static func datum(_ text: UnsafePointer<CChar>?) -> gnutls_datum_t {
        guard let text else { return gnutls_datum_t() }
        let start = UnsafeMutableRawPointer(mutating: text).assumingMemoryBound(to: UInt8.self)
        return gnutls_datum_t(data: start, size: UInt32(strlen(text)))
    }

    /// Calls a function with C strings that live as long as the call.
    private static func withTexts<R>(_ texts: [String?], _ body: ([UnsafePointer<CChar>?]) -> R) -> R {
        let copies = texts.map { $0.flatMap { strdup($0) } }
        defer { for copy in copies { free(copy) } }
        return body(copies.map { $0.map { UnsafePointer($0) } })
    }
}

/// A running daemon. Unchecked because it is a pointer, and safe because only `stop` uses it and takes it first.
private struct Daemon: @unchecked Sendable {
    let pointer: OpaquePointer
}

private func core(_ context: UnsafeMutableRawPointer) -> ServerCore {
    Unmanaged<ServerCore>.fromOpaque(context).takeUnretainedValue()
}

private func startRequest(
    _ context: UnsafeMutableRawPointer?, _ target: UnsafePointer<CChar>?, _ connection: OpaquePointer?
) -> UnsafeMutableRawPointer? {
    guard let context, let target, let connection else { return nil }
    let exchange = Exchange(
        target: String(cString: target), connection: ConnectionHandle(pointer: connection),
        registry: core(context).registry, memory: core(context).bodyMemory)
    return Unmanaged.passRetained(exchange).toOpaque()
}

private func handleRequest(
    _ context: UnsafeMutableRawPointer?, _ connection: OpaquePointer?, _ url: UnsafePointer<CChar>?,
    _ method: UnsafePointer<CChar>?, _ version: UnsafePointer<CChar>?, _ data: UnsafePointer<CChar>?,
    _ size: UnsafeMutablePointer<Int>?, _ request: UnsafeMutablePointer<UnsafeMutableRawPointer?>?
) -> MHD_Result {
    guard let context, let connection, let method, let size, let request = request?.pointee else { return .NO }
    let exchange = Unmanaged<Exchange>.fromOpaque(request).takeUnretainedValue()
    let bytes = UnsafeRawBufferPointer(start: data, count: data == nil ? 0 : size.pointee)
    size.pointee = 0
    return core(context).proceed(
        exchange, ConnectionHandle(pointer: connection), method: String(cString: method), data: bytes)
}

private func completeRequest(
    _ context: UnsafeMutableRawPointer?, _ connection: OpaquePointer?,
    _ request: UnsafeMutablePointer<UnsafeMutableRawPointer?>?, _ code: MHD_RequestTerminationCode
) {
    guard let pointer = request?.pointee else { return }
    request?.pointee = nil
    Unmanaged<Exchange>.fromOpaque(pointer).takeRetainedValue().end()
}

private func connectionChanged(
    _ context: UnsafeMutableRawPointer?, _ connection: OpaquePointer?,
    _ slot: UnsafeMutablePointer<UnsafeMutableRawPointer?>?, _ code: MHD_ConnectionNotificationCode
) {
    guard let connection, let slot else { return }
    if code == .CONNECTION_NOTIFY_STARTED {
        let context = ConnectionContext(ConnectionHandle(pointer: connection))
        slot.pointee = Unmanaged.passRetained(context).toOpaque()
    } else if let context = slot.pointee {
        slot.pointee = nil
        Unmanaged<ConnectionContext>.fromOpaque(context).release()
    }
}
