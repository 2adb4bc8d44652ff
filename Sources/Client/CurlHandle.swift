internal import CCurl
internal import Glibc

/// What every request of a client has in common.
struct CurlSettings: Sendable {
    let address: ServerAddress
    let token: String?
    let authority: MemoryFile?
    let certificate: MemoryFile?
    let key: MemoryFile?

    init(_ config: ClientConfig) throws(ClientError) {
        address = try ServerAddress(config.server)
        token = config.token
        authority = try CurlSettings.file(config.certificateAuthority)
        certificate = try CurlSettings.file(config.clientCertificate)
        key = try CurlSettings.file(config.clientKey)
    }

    private static func file(_ text: String?) throws(ClientError) -> MemoryFile? {
        guard let text else { return nil }
        return try MemoryFile(text)
    }
}

/// A libcurl easy handle with the connections it keeps open.
///
/// Unchecked because libcurl allows one thread at a time only: the pool hands a handle out to one caller, and a
/// WebSocket uses its handle under a lock.
final class CurlHandle: @unchecked Sendable {
    let pointer: UnsafeMutableRawPointer
    private let errorText = UnsafeMutablePointer<CChar>.allocate(capacity: Int(CURL_ERROR_SIZE))
    private var headerList: UnsafeMutablePointer<curl_slist>?

    init() throws(ClientError) {
        guard CurlHandle.isReady, let pointer = curl_easy_init() else {
            throw .configuration("cannot start the HTTP client")
        }
        self.pointer = pointer
    }

    deinit {
        curl_easy_cleanup(pointer)
        curl_slist_free_all(headerList)
        errorText.deallocate()
    }

    private static let isReady = curl_global_init(Int(CURL_GLOBAL_DEFAULT)) == CURLE_OK

    /// Forgets the last request's options, keeps its connection, and sets what all requests share.
    func prepare(_ settings: CurlSettings) {
        curl_easy_reset(pointer)
        errorText[0] = 0
        set(CURLOPT_ERRORBUFFER, UnsafeRawPointer(errorText))
        set(CURLOPT_NOSIGNAL, 1)
        set(CURLOPT_HTTP_VERSION, Int(CURL_HTTP_VERSION_1_1))
        set(CURLOPT_SSL_ENABLE_ALPN, 0)
        set(CURLOPT_CONNECTTIMEOUT_MS, 10_000)
        set(CURLOPT_TCP_NODELAY, 1)
        // A watch must notice within a minute that its server vanished without a word.
        set(CURLOPT_TCP_KEEPALIVE, 1)
        set(CURLOPT_TCP_KEEPIDLE, 30)
        set(CURLOPT_TCP_KEEPINTVL, 10)
        set(CURLOPT_PROTOCOLS_STR, "http,https")
        set(CURLOPT_USERAGENT, "martlet")
        if settings.address.isLoopback { set(CURLOPT_NOPROXY, "*") }
        if let authority = settings.authority {
            set(CURLOPT_CAINFO, authority.path)
            // The system's authorities have no say about a cluster that has its own.
            set(CURLOPT_CAPATH, UnsafeRawPointer?.none)
        }
        if let certificate = settings.certificate { set(CURLOPT_SSLCERT, certificate.path) }
        if let key = settings.key { set(CURLOPT_SSLKEY, key.path) }
    }

    func set(_ option: CURLoption, _ value: Int) { _ = martlet_curl_set_long(pointer, option, value) }
    func set(_ option: CURLoption, _ value: UnsafeRawPointer?) { _ = martlet_curl_set_pointer(pointer, option, value) }
    /// libcurl copies strings.
    func set(_ option: CURLoption, _ value: String) {
        _ = value.withCString { martlet_curl_set_pointer(pointer, option, $0) }
    }

    func set(headers: [(name: String, value: String)]) {
        curl_slist_free_all(headerList)
        headerList = nil
        for (name, value) in headers { headerList = curl_slist_append(headerList, "\(name): \(value)") }
        set(CURLOPT_HTTPHEADER, UnsafeRawPointer(headerList))
    }

    /// What libcurl's error means to the user.
    func error(_ code: CURLcode, _ settings: CurlSettings) -> ClientError {
        let server = settings.address.url
        let detail = String(cString: errorText)
        let reason = (detail.isEmpty ? String(cString: curl_easy_strerror(code)) : detail).lowercasedFirst
        switch code {
        case CURLE_COULDNT_CONNECT, CURLE_OPERATION_TIMEDOUT, CURLE_COULDNT_RESOLVE_HOST:
            return .unreachable("cannot reach the server \(server): \(reason); is `martlet up` running?")
        case CURLE_PEER_FAILED_VERIFICATION, CURLE_SSL_CACERT_BADFILE:
            return .unreachable(
                "the server \(server) is not the one that the kubeconfig trusts: \(reason); use the kubeconfig that it wrote"
            )
        case CURLE_RECV_ERROR, CURLE_GOT_NOTHING, CURLE_PARTIAL_FILE:
            // GnuTLS tells of a connection that ended without a goodbye by a number only.
            return .unreachable("the server \(server) ended the connection; is `martlet up` still running?")
        case CURLE_SSL_CERTPROBLEM:
            return .configuration("the kubeconfig's client certificate or key cannot be used: \(reason)")
        default: return .unreachable("the connection to the server \(server) failed: \(reason)")
        }
    }
}

extension String {
    /// The text with a lower-case first letter, as error messages have it.
    var lowercasedFirst: String { prefix(1).lowercased() + dropFirst() }
}
