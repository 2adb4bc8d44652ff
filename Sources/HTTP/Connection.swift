internal import CGnuTLS
internal import CMicroHTTPD
internal import Glibc
internal import PKI

/// A connection of libmicrohttpd.
///
/// Unchecked because it is a pointer: the library's functions on a connection that this module calls from other
/// threads (resume) are thread-safe, and who calls them holds the lock under which the connection's end is
/// announced.
struct ConnectionHandle: @unchecked Sendable {
    let pointer: OpaquePointer

    var descriptor: Int32 { martlet_mhd_socket(pointer) }
    /// Nil for plain HTTP.
    var tlsSession: OpaquePointer? { martlet_mhd_tls_session(pointer).map { OpaquePointer($0) } }
    /// Takes the connection out of its thread's loop; called on that thread only.
    func suspend() { MHD_suspend_connection(pointer) }
    /// Puts it back; called from any thread.
    func resume() { MHD_resume_connection(pointer) }
}

/// What all requests of one connection share. Used on the connection's own thread only.
final class ConnectionContext {
    private let handle: ConnectionHandle
    /// The client's IP address.
    let remoteAddress: String
    private var identity: PeerIdentity?

    init(_ handle: ConnectionHandle) {
        self.handle = handle
        remoteAddress = ConnectionContext.address(of: handle)
        ConnectionContext.tune(handle.descriptor)
    }

    /// Who the client is, looked up once: the certificate is the connection's, not the request's.
    var peer: PeerIdentity {
        if let identity { return identity }
        let found = handle.tlsSession.map { PeerIdentity(session: $0) }
        identity = found ?? PeerIdentity()
        return identity ?? PeerIdentity()
    }

    /// Small answers go out at once, and peers that vanished without a word are noticed within a minute, also while
    /// a stream has nothing to say (tcp(7)).
    private static func tune(_ descriptor: Int32) {
        sendAtOnce(descriptor)
        set(descriptor, SOL_SOCKET, SO_KEEPALIVE, 1)
        set(descriptor, Int32(IPPROTO_TCP), TCP_KEEPIDLE, 30)
        set(descriptor, Int32(IPPROTO_TCP), TCP_KEEPINTVL, 10)
        set(descriptor, Int32(IPPROTO_TCP), TCP_KEEPCNT, 3)
    }

    /// Has small writes sent at once. The library switches this while it sends answers.
    static func sendAtOnce(_ descriptor: Int32) { set(descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, 1) }

    private static func set(_ descriptor: Int32, _ level: Int32, _ option: Int32, _ value: Int32) {
        var value = value
        // A connection without the option still works.
        _ = setsockopt(descriptor, level, option, &value, socklen_t(MemoryLayout<Int32>.size))
    }

    private static func address(of handle: ConnectionHandle) -> String {
        guard let address = martlet_mhd_client_address(handle.pointer) else { return "" }
        let length =
            address.pointee.sa_family == sa_family_t(AF_INET6)
            ? MemoryLayout<sockaddr_in6>.size : MemoryLayout<sockaddr_in>.size
        var host = [CChar](repeating: 0, count: Int(NI_MAXHOST))
        let code = getnameinfo(
            address, socklen_t(length), &host, socklen_t(host.count), nil, 0, NI_NUMERICHOST)
        guard code == 0 else { return "" }
        return String(decoding: host.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
}

/// Who the client proved to be in the TLS handshake.
struct PeerIdentity {
    var subject: CertificateSubject?
    var error: String?

    /// A client that presented no certificate.
    init() {}

    /// Verifies the certificate that a client presented, if it did, against the daemon's client authority.
    init(session: gnutls_session_t) {
        var count: UInt32 = 0
        guard let chain = gnutls_certificate_get_peers(session, &count), count > 0 else { return }
        if let problem = PeerIdentity.problem(session) {
            error = problem
            return
        }
        let leaf = UnsafeRawBufferPointer(start: chain.pointee.data, count: Int(chain.pointee.size))
        do throws(PKIError) {
            let names = try Certificate.subject(der: leaf)
            subject = CertificateSubject(commonName: names.commonName, organizations: names.organizations)
        } catch {
            self.error = error.message
        }
    }

    /// Why the presented chain proves nothing; nil when it does.
    private static func problem(_ session: gnutls_session_t) -> String? {
        var status: UInt32 = 0
        let code = "1.3.6.1.5.5.7.3.2".withCString { purpose in
            var wanted = gnutls_typed_vdata_st()
            wanted.type = GNUTLS_DT_KEY_PURPOSE_OID
            wanted.data = UnsafeMutableRawPointer(mutating: purpose).assumingMemoryBound(to: UInt8.self)
            return gnutls_certificate_verify_peers(session, &wanted, 1, &status)
        }
        guard code >= 0 else { return "the client certificate cannot be verified: \(text(of: code))" }
        guard status != 0 else { return nil }
        var reason = gnutls_datum_t()
        guard gnutls_certificate_verification_status_print(status, GNUTLS_CRT_X509, &reason, 0) >= 0 else {
            return "the client certificate is not trusted"
        }
        defer { martlet_gnutls_free(reason.data) }
        let words = UnsafeBufferPointer(start: reason.data, count: Int(reason.size)).split(separator: 0x20)
        return "the client certificate is refused: "
            + words.map { String(decoding: $0, as: UTF8.self) }.joined(separator: " ")
    }

    private static func text(of code: Int32) -> String { String(cString: gnutls_strerror(code)) }
}
