import CCurl
import Glibc
import Linux

/// One client's connection, kept open from request to request: a libcurl handle with nothing around it, so that
/// measuring costs both sides the same little.
final class Connection {
    private let handle: UnsafeMutableRawPointer
    private var headers: UnsafeMutablePointer<curl_slist>?
    private let errorText = UnsafeMutablePointer<CChar>.allocate(capacity: Int(CURL_ERROR_SIZE))
    private let url: String
    private let isGRPC: Bool
    fileprivate var keepsBody = false
    fileprivate var body: [UInt8] = []
    fileprivate var grpcStatus: UInt8 = 0
    /// Takes each part of an answer as it arrives; false ends the request.
    fileprivate var onData: ((UnsafeRawBufferPointer) -> Bool)?
    fileprivate var upload: ArraySlice<UInt8> = []

    init(_ endpoint: Endpoint) throws {
        guard let handle = curl_easy_init() else { throw BenchmarkError("cannot start libcurl") }
        self.handle = handle
        url = endpoint.url
        isGRPC = endpoint.version == .http2
        set(CURLOPT_NOSIGNAL, 1)
        set(CURLOPT_TCP_NODELAY, 1)
        set(CURLOPT_NOPROXY, "*")
        set(CURLOPT_HTTP_VERSION, endpoint.version == .http2 ? Int(CURL_HTTP_VERSION_2TLS) : Int(CURL_HTTP_VERSION_1_1))
        errorText[0] = 0
        _ = martlet_curl_set_pointer(handle, CURLOPT_ERRORBUFFER, errorText)
        if let socket = endpoint.socket { set(CURLOPT_UNIX_SOCKET_PATH, socket) }
        if let authority = endpoint.authority {
            set(CURLOPT_CAINFO, authority)
            _ = martlet_curl_set_pointer(handle, CURLOPT_CAPATH, nil)
        }
        if let certificate = endpoint.certificate { set(CURLOPT_SSLCERT, certificate) }
        if let key = endpoint.key { set(CURLOPT_SSLKEY, key) }
        for line in endpoint.headers { headers = curl_slist_append(headers, line) }
        _ = martlet_curl_set_pointer(handle, CURLOPT_HTTPHEADER, headers)
        let context = Unmanaged.passUnretained(self).toOpaque()
        _ = martlet_curl_set_sink(handle, CURLOPT_WRITEFUNCTION, take)
        _ = martlet_curl_set_pointer(handle, CURLOPT_WRITEDATA, context)
        _ = martlet_curl_set_sink(handle, CURLOPT_HEADERFUNCTION, takeHeader)
        _ = martlet_curl_set_pointer(handle, CURLOPT_HEADERDATA, context)
    }

    deinit {
        curl_easy_cleanup(handle)
        curl_slist_free_all(headers)
        errorText.deallocate()
    }

    private func set(_ option: CURLoption, _ value: Int) { _ = martlet_curl_set_long(handle, option, value) }
    private func set(_ option: CURLoption, _ value: String) {
        _ = value.withCString { martlet_curl_set_pointer(handle, option, $0) }
    }

    /// Makes a request whose answer does not matter but for its success.
    func perform(_ method: String, _ path: String, _ body: [UInt8]?) throws {
        keepsBody = false
        try request(method, path, body)
    }

    /// Makes a request and returns the answer's body.
    func answer(_ method: String, _ path: String, _ body: [UInt8]? = nil) throws -> [UInt8] {
        keepsBody = true
        self.body.removeAll(keepingCapacity: true)
        try request(method, path, body)
        return self.body
    }

    private func request(_ method: String, _ path: String, _ body: [UInt8]?) throws {
        set(CURLOPT_URL, url + path)
        set(CURLOPT_CUSTOMREQUEST, method)
        if let body {
            set(CURLOPT_POST, 1)
            _ = martlet_curl_set_size(handle, CURLOPT_POSTFIELDSIZE_LARGE, curl_off_t(body.count))
        } else {
            set(CURLOPT_HTTPGET, 1)
        }
        let code = (body ?? []).withUnsafeBytes { bytes in
            if body != nil { _ = martlet_curl_set_pointer(handle, CURLOPT_POSTFIELDS, bytes.baseAddress) }
            return curl_easy_perform(handle)
        }
        try check(code, "\(method) \(path)")
    }

    private func check(_ code: CURLcode, _ request: String) throws {
        let detail = String(cString: errorText)
        guard code == CURLE_OK else {
            let reason = detail.isEmpty ? String(cString: curl_easy_strerror(code)) : detail
            throw BenchmarkError("\(url): \(request): \(reason)")
        }
        let status = martlet_curl_status(handle)
        guard status < 400, !isGRPC || grpcStatus == UInt8(ascii: "0") else {
            let text = String(decoding: body.prefix(500), as: UTF8.self)
            throw BenchmarkError("\(url): \(request): answer \(status) \(text)")
        }
    }

    /// Makes a request whose answer does not end, until the handler returns false. A gRPC stream's request stays open.
    func stream(
        _ method: String, _ path: String, _ body: [UInt8]?, _ handler: @escaping (UnsafeRawBufferPointer) -> Bool
    )
        throws
    {
        onData = handler
        defer { onData = nil }
        set(CURLOPT_URL, url + path)
        if let body {
            upload = body[...]
            set(CURLOPT_POST, 1)
            _ = martlet_curl_set_size(handle, CURLOPT_POSTFIELDSIZE_LARGE, -1)
            _ = martlet_curl_set_sink(handle, CURLOPT_READFUNCTION, give)
            _ = martlet_curl_set_pointer(handle, CURLOPT_READDATA, Unmanaged.passUnretained(self).toOpaque())
        } else {
            set(CURLOPT_HTTPGET, 1)
        }
        set(CURLOPT_CUSTOMREQUEST, method)
        let code = curl_easy_perform(handle)
        if code != CURLE_WRITE_ERROR { try check(code, "\(method) \(path)") }
    }
}

private func connection(_ context: UnsafeMutableRawPointer?) -> Connection? {
    context.map { Unmanaged<Connection>.fromOpaque($0).takeUnretainedValue() }
}

private func take(
    _ bytes: UnsafeMutablePointer<CChar>?, _ size: Int, _ count: Int, _ context: UnsafeMutableRawPointer?
) -> Int {
    guard let connection = connection(context) else { return 0 }
    let part = UnsafeRawBufferPointer(start: bytes, count: size * count)
    if let handler = connection.onData { return handler(part) ? part.count : part.count &+ 1 }
    if connection.keepsBody { connection.body.append(contentsOf: part) }
    return part.count
}

/// The outcome of a gRPC call is in a header line after the answer: `grpc-status: 0`.
private func takeHeader(
    _ bytes: UnsafeMutablePointer<CChar>?, _ size: Int, _ count: Int, _ context: UnsafeMutableRawPointer?
) -> Int {
    let line = UnsafeRawBufferPointer(start: bytes, count: size * count)
    let name = "grpc-status: "
    if line.count > name.utf8.count, line.starts(with: name.utf8) {
        connection(context)?.grpcStatus = line[name.utf8.count]
    }
    return line.count
}

/// Hands over what is to be sent, and then keeps the request open.
private func give(
    _ bytes: UnsafeMutablePointer<CChar>?, _ size: Int, _ count: Int, _ context: UnsafeMutableRawPointer?
) -> Int {
    guard let connection = connection(context), let bytes else { return Int(CURL_READFUNC_ABORT) }
    guard !connection.upload.isEmpty else { return Int(CURL_READFUNC_PAUSE) }
    let part = connection.upload.prefix(size * count)
    UnsafeMutableRawBufferPointer(start: bytes, count: part.count).copyBytes(from: part)
    connection.upload = connection.upload.dropFirst(part.count)
    return part.count
}

/// Writes a file unless it is there.
func writeFileOnce(_ path: String, _ text: String) throws {
    if !fileExists(path) { try writeFile(path, create: text) }
}
