internal import CCurl
internal import Glibc
import Synchronization

/// A client of the API over libcurl. See `APIClient`.
public final class CurlClient: APIClient {
    private struct Pool {
        var idle: [CurlHandle] = []
        var isCancelled = false
        /// How many connections were opened so far.
        var connections = 0
    }

    /// How the server is reached.
    public let config: ClientConfig
    private let settings: CurlSettings
    private let pool = Mutex(Pool())

    /// How many handles, each with its open connection, wait for the next request.
    private static let maximumIdle = 8

    /// Makes a client; nothing is sent before the first request.
    public init(_ config: ClientConfig) throws(ClientError) {
        self.config = config
        settings = try CurlSettings(config)
    }

    /// How many connections were opened so far; stays small while connections are reused.
    public var connectionCount: Int { pool.withLock { $0.connections } }

    /// Ends all requests, streaming ones included, within about a second, and refuses further ones. Any thread may
    /// call it.
    public func cancel() { pool.withLock { $0.isCancelled = true } }

    /// Makes one request and returns the answer, whatever its status.
    public func send(
        _ method: String, _ path: String, headers: [(name: String, value: String)] = [], body: [UInt8]? = nil
    ) throws(ClientError) -> APIResponse {
        try perform(method, path, headers: headers, body: body, sink: nil)
    }

    /// Makes one request and hands over the body as it arrives.
    public func stream(
        _ method: String, _ path: String, headers: [(name: String, value: String)] = [],
        _ handler: (ArraySlice<UInt8>) -> Bool
    ) throws(ClientError) {
        let result: Result<APIResponse, ClientError> = withoutActuallyEscaping(handler) { sink in
            do throws(ClientError) {
                return .success(try perform(method, path, headers: headers, body: nil, sink: sink))
            } catch {
                return .failure(error)
            }
        }
        let answer = try result.get()
        if answer.status >= 400 { throw ClientError.status(of: answer.status, body: answer.body) }
    }

    /// Opens a WebSocket.
    public func webSocket(_ path: String, subprotocols: [String]) throws(ClientError) -> any ClientWebSocket {
        try CurlWebSocket(settings, path: path, subprotocols: subprotocols)
    }

    private func perform(
        _ method: String, _ path: String, headers: [(name: String, value: String)], body: [UInt8]?,
        sink: ((ArraySlice<UInt8>) -> Bool)?
    ) throws(ClientError) -> APIResponse {
        let handle = try takeHandle()
        handle.prepare(settings)
        handle.set(CURLOPT_URL, settings.address.url + path)
        handle.set(headers: complete(headers, hasBody: body != nil))
        if sink == nil {
            // An answer that is whole comes soon; a server that stopped half-way must not hold the caller for ever.
            handle.set(CURLOPT_LOW_SPEED_LIMIT, 1)
            handle.set(CURLOPT_LOW_SPEED_TIME, 120)
        }
        let transfer = Transfer(handle.pointer, sink: sink)
        let code = withExtendedLifetime(self) { run(handle, transfer, method, body) }
        let status = martlet_curl_status(handle.pointer)
        let failure = code == CURLE_OK ? nil : handle.error(code, settings)
        // A transfer that was stopped half-way has closed its connection; the handle is as good as new.
        give(back: handle)
        if transfer.isTooLong { throw .badResponse("the answer is longer than \(Transfer.maximumBodyBytes) bytes") }
        if code == CURLE_ABORTED_BY_CALLBACK { throw .unreachable("the request was cancelled") }
        if let failure, code != CURLE_WRITE_ERROR || !transfer.isStopped { throw failure }
        return APIResponse(status: status, headers: transfer.headers, body: transfer.body)
    }

    private func run(_ handle: CurlHandle, _ transfer: Transfer, _ method: String, _ body: [UInt8]?) -> CURLcode {
        let context = Unmanaged.passUnretained(transfer).toOpaque()
        _ = martlet_curl_set_sink(handle.pointer, CURLOPT_WRITEFUNCTION, takeBody)
        _ = martlet_curl_set_sink(handle.pointer, CURLOPT_HEADERFUNCTION, takeHeader)
        handle.set(CURLOPT_WRITEDATA, context)
        handle.set(CURLOPT_HEADERDATA, context)
        _ = martlet_curl_set_progress(handle.pointer, checkCancelled)
        handle.set(CURLOPT_XFERINFODATA, Unmanaged.passUnretained(self).toOpaque())
        handle.set(CURLOPT_NOPROGRESS, 0)
        // The bytes must stay where they are until the request has been made.
        return withExtendedLifetime(transfer) {
            (body ?? []).withUnsafeBytes { bytes in
                if body != nil {
                    _ = martlet_curl_set_size(handle.pointer, CURLOPT_POSTFIELDSIZE_LARGE, curl_off_t(bytes.count))
                    handle.set(CURLOPT_POSTFIELDS, bytes.baseAddress ?? UnsafeRawPointer(context))
                } else if method == "HEAD" {
                    handle.set(CURLOPT_NOBODY, 1)
                }
                handle.set(CURLOPT_CUSTOMREQUEST, method)
                return curl_easy_perform(handle.pointer)
            }
        }
    }

    private func complete(
        _ headers: [(name: String, value: String)], hasBody: Bool
    ) -> [(name: String, value: String)] {
        let names = Set(headers.map { $0.name.lowercased() })
        // Asking whether a body is welcome would cost a round trip.
        var headers = headers + [("Expect", "")]
        if hasBody, !names.contains("content-type") { headers.append(("Content-Type", "application/json")) }
        if !names.contains("accept") { headers.append(("Accept", "application/json")) }
        if let token = settings.token { headers.append(("Authorization", "Bearer \(token)")) }
        return headers
    }

    private func takeHandle() throws(ClientError) -> CurlHandle {
        let (handle, isCancelled) = pool.withLock { ($0.idle.popLast(), $0.isCancelled) }
        if isCancelled { throw .unreachable("the client is closed") }
        if let handle { return handle }
        return try CurlHandle()
    }

    private func give(back handle: CurlHandle) {
        let opened = martlet_curl_connections(handle.pointer)
        pool.withLock { pool in
            pool.connections += opened
            if pool.idle.count < CurlClient.maximumIdle { pool.idle.append(handle) }
        }
    }

    fileprivate var isCancelled: Bool { pool.withLock { $0.isCancelled } }
}

private func takeBody(
    _ bytes: UnsafeMutablePointer<CChar>?, _ size: Int, _ count: Int, _ context: UnsafeMutableRawPointer?
) -> Int {
    guard let context else { return 0 }
    let part = UnsafeRawBufferPointer(start: bytes, count: size * count)
    // Any other number than that of the bytes ends the transfer.
    return Unmanaged<Transfer>.fromOpaque(context).takeUnretainedValue().take(body: part) ? part.count : part.count &+ 1
}

private func takeHeader(
    _ bytes: UnsafeMutablePointer<CChar>?, _ size: Int, _ count: Int, _ context: UnsafeMutableRawPointer?
) -> Int {
    guard let context else { return 0 }
    let line = UnsafeRawBufferPointer(start: bytes, count: size * count)
    Unmanaged<Transfer>.fromOpaque(context).takeUnretainedValue().take(headerLine: line)
    return line.count
}

private func checkCancelled(
    _ context: UnsafeMutableRawPointer?, _ total: curl_off_t, _ now: curl_off_t, _ uploadTotal: curl_off_t,
    _ uploaded: curl_off_t
) -> Int32 {
    guard let context else { return 0 }
    return Unmanaged<CurlClient>.fromOpaque(context).takeUnretainedValue().isCancelled ? 1 : 0
}
