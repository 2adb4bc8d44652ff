import Client
import Glibc
import HTTP
import PKI
import Synchronization
import Testing

/// A server with TLS on a free port of the loopback address, and the clients that may talk to it.
final class TestServer {
    let server: HTTPServer
    let authority: CertificateAuthority
    private let scheme: String

    init(
        configure: (inout HTTPServerConfig) -> Void = { _ in },
        handler: @escaping @Sendable (HTTPRequest, any HTTPResponder) -> Void
    ) throws {
        authority = try .generate(commonName: "test", now: testNow())
        let identity = try authority.issueServer(
            commonName: "server", dnsNames: ["localhost"], ipAddresses: ["127.0.0.1"], now: testNow())
        var config = HTTPServerConfig(
            address: "127.0.0.1", port: 0,
            tls: TLSIdentity(certificateChain: identity.certificatePEM, privateKey: identity.keyPEM),
            clientCA: authority.certificatePEM)
        configure(&config)
        scheme = config.tls == nil ? "http" : "https"
        server = try HTTPServer(config: config, handler: handler)
    }

    deinit { server.stop() }

    func config(as user: String? = nil, groups: [String] = []) throws -> ClientConfig {
        var config = ClientConfig(
            server: "\(scheme)://127.0.0.1:\(server.port)", certificateAuthority: authority.certificatePEM)
        if let user {
            let identity = try authority.issueClient(commonName: user, organizations: groups, now: testNow())
            config.clientCertificate = identity.certificatePEM
            config.clientKey = identity.keyPEM
        }
        return config
    }

    func client(as user: String? = nil, groups: [String] = []) throws -> CurlClient {
        try CurlClient(config(as: user, groups: groups))
    }
}

/// TLS looks at the real clock, so the tests' certificates must be valid by it.
func testNow() -> Int64 { Int64(time(nil)) }

/// A value that threads wait for.
final class Signal<Value: Sendable>: @unchecked Sendable {
    // Unchecked because of the C structures, which exist to be shared.
    private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
    private let condition = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)
    private var values: [Value] = []

    init() {
        pthread_mutex_init(mutex, nil)
        pthread_cond_init(condition, nil)
    }

    deinit {
        pthread_cond_destroy(condition)
        pthread_mutex_destroy(mutex)
        condition.deallocate()
        mutex.deallocate()
    }

    func send(_ value: Value) {
        pthread_mutex_lock(mutex)
        values.append(value)
        pthread_cond_broadcast(condition)
        pthread_mutex_unlock(mutex)
    }

    /// The first value that was sent; nil when none comes for so long that the test has failed.
    func wait() -> Value? { wait(count: 1).first }

    func wait(count: Int) -> [Value] {
        var deadline = timespec()
        clock_gettime(CLOCK_REALTIME, &deadline)
        deadline.tv_sec += 30
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        while values.count < count {
            guard pthread_cond_timedwait(condition, mutex, &deadline) == 0 else { break }
        }
        return values
    }
}

/// A thread of a test, joined at its end.
final class TestThread {
    private var id = pthread_t()

    init(_ body: @escaping @Sendable () -> Void) {
        let box = Unmanaged.passRetained(Body(body))
        pthread_create(
            &id, nil,
            { argument in
                if let argument { Unmanaged<Body>.fromOpaque(argument).takeRetainedValue().run() }
                return nil
            }, box.toOpaque())
    }

    func join() { pthread_join(id, nil) }

    private final class Body {
        let run: @Sendable () -> Void
        init(_ run: @escaping @Sendable () -> Void) { self.run = run }
    }
}

/// The text of an answer.
func text(_ response: APIResponse) -> String { String(decoding: response.body, as: UTF8.self) }
