internal import CMicroHTTPD
internal import Glibc

/// What the daemon's callbacks work with.
final class ServerCore: Sendable {
    let config: HTTPServerConfig
    let handler: @Sendable (HTTPRequest, any HTTPResponder) -> Void
    let registry = LiveRegistry()
    let bodyMemory: BodyMemory
    let hangups: HangupWatch

    init(
        config: HTTPServerConfig, handler: @escaping @Sendable (HTTPRequest, any HTTPResponder) -> Void
    ) throws(HTTPServerError) {
        self.config = config
        self.handler = handler
        bodyMemory = BodyMemory(limit: config.maximumBodyMemoryBytes)
        hangups = try HangupWatch()
    }

    /// A body whose declared length is beyond this is not waited for.
    var drainLimit: Int { config.maximumBodyBytes * 16 }

    /// Goes on with a request: called when its head is there, for every part of its body, when it is complete, and
    /// again when a suspended connection was resumed.
    func proceed(
        _ exchange: Exchange, _ connection: ConnectionHandle, method: String, data: UnsafeRawBufferPointer
    ) -> MHD_Result {
        // An answer to the very first call would close the connection, so only what must be refused is refused there.
        if exchange.begin() { return refuseUnread(connection) }
        if !data.isEmpty { return exchange.receive(data, limit: config.maximumBodyBytes) ? .YES : .NO }
        if let body = exchange.takeBody(limit: config.maximumBodyBytes) {
            handle(exchange, connection, method: method, body: body)
        }
        // An upgraded connection comes back only to be closed.
        if exchange.isUpgraded { return .NO }
        guard let answer = exchange.takeAnswerOrSuspend() else { return .YES }
        return send(answer, on: connection)
    }

    /// Refuses a body that is declared to be too long before it is sent: when the client asks first, or when there is
    /// too much of it to read it to the end.
    private func refuseUnread(_ connection: ConnectionHandle) -> MHD_Result {
        guard let declared = header("Content-Length", of: connection).flatMap({ Int($0) }),
            declared > config.maximumBodyBytes,
            declared > drainLimit || header("Expect", of: connection) != nil
        else { return .YES }
        return send(tooLarge, on: connection)
    }

    private var tooLarge: Answer { .refusal(413, "the body is longer than \(config.maximumBodyBytes) bytes") }

    private func handle(_ exchange: Exchange, _ connection: ConnectionHandle, method: String, body: Exchange.Body) {
        let bytes: [UInt8]
        switch body {
        case .whole(let whole): bytes = whole
        case .tooLong: return _ = exchange.answer(tooLarge)
        case .crowdedOut:
            return _ = exchange.answer(.refusal(503, "too many large requests are being received; try again"))
        }
        guard let target = RequestTarget(exchange.target) else {
            return _ = exchange.answer(.refusal(400, "the request target is not valid"))
        }
        var request = HTTPRequest(
            method: method, path: target.path, query: target.query, headers: headers(of: connection), body: bytes)
        if let context = martlet_mhd_connection_context(connection.pointer) {
            let context = Unmanaged<ConnectionContext>.fromOpaque(context).takeUnretainedValue()
            request.clientCertificate = context.peer.subject
            request.certificateError = context.peer.error
            request.remoteAddress = context.remoteAddress
        }
        handler(request, Responder(exchange, self))
    }

    private func header(_ name: String, of connection: ConnectionHandle) -> String? {
        MHD_lookup_connection_value(connection.pointer, .HEADER_KIND, name).map { String(cString: $0) }
    }

    private func headers(of connection: ConnectionHandle) -> [String: String] {
        var fields: [String: String] = [:]
        withUnsafeMutablePointer(to: &fields) { fields in
            _ = MHD_get_connection_values_n(
                connection.pointer, .HEADER_KIND,
                { context, _, name, nameSize, value, valueSize in
                    guard let context, let name else { return .YES }
                    let fields = context.assumingMemoryBound(to: [String: String].self)
                    let field = text(name, nameSize).lowercased()
                    let content = value.map { text($0, valueSize) } ?? ""
                    fields.pointee[field] = fields.pointee[field].map { "\($0), \(content)" } ?? content
                    return .YES
                }, fields)
        }
        return fields
    }
}

private func text(_ start: UnsafePointer<CChar>, _ count: Int) -> String {
    String(decoding: UnsafeRawBufferPointer(start: start, count: count), as: UTF8.self)
}

extension ServerCore {
    /// Queues an answer; called on the connection's thread.
    func send(_ answer: Answer, on connection: ConnectionHandle) -> MHD_Result {
        switch answer {
        case .whole(let status, let headers, let body):
            let response = body.withUnsafeBytes { bytes in
                MHD_create_response_from_buffer(
                    bytes.count, UnsafeMutableRawPointer(mutating: bytes.baseAddress), .RESPMEM_MUST_COPY)
            }
            return queue(response, status, headers, on: connection)
        case .stream(let status, let headers, let body):
            body.attach(connection)
            let response = MHD_create_response_from_callback(
                UInt64.max, 32 << 10, readStream, Unmanaged.passRetained(body).toOpaque(), releaseStream)
            return queue(response, status, headers, on: connection)
        case .upgrade(let upgraded):
            return upgraded.begin(connection) ? .YES : .NO
        }
    }

    private func queue(
        _ response: OpaquePointer?, _ status: Int, _ headers: [(name: String, value: String)],
        on connection: ConnectionHandle
    ) -> MHD_Result {
        guard let response else { return .NO }
        defer { MHD_destroy_response(response) }
        for (name, value) in headers where !isFraming(name) {
            // Refused are empty values and line breaks, which would let a value add fields of its own.
            _ = MHD_add_response_header(response, name, value)
        }
        return MHD_queue_response(connection.pointer, UInt32(status), response)
    }

    /// Whether a field says how long the body is, which only the library knows.
    private func isFraming(_ name: String) -> Bool {
        let name = name.lowercased()
        return name == "content-length" || name == "transfer-encoding"
    }
}

private func readStream(
    _ context: UnsafeMutableRawPointer?, _ position: UInt64, _ buffer: UnsafeMutablePointer<CChar>?, _ size: Int
) -> Int {
    // MHD_CONTENT_READER_END_OF_STREAM and MHD_CONTENT_READER_END_WITH_ERROR, macros with a cast.
    let (end, failure) = (-1, -2)
    guard let context, let buffer else { return failure }
    let body = Unmanaged<StreamBody>.fromOpaque(context).takeUnretainedValue()
    switch body.read(into: UnsafeMutableRawBufferPointer(start: buffer, count: size)) {
    case .bytes(let count): return count
    case .nothingYet: return 0
    case .end: return end
    case .failure: return failure
    }
}

private func releaseStream(_ context: UnsafeMutableRawPointer?) {
    guard let context else { return }
    Unmanaged<StreamBody>.fromOpaque(context).release()
}
