import APIServer
import Client
import HTTP
import Model
import PKI
import Store

/// The API as programs reach it: over TLS on the loopback interface, with a store of the test's choice.
final class SecureServer {
    let api: APIServer
    let authority: CertificateAuthority
    let bridge = FakeBridge()
    private let server: HTTPServer
    /// The port it listens on.
    var port: UInt16 { server.port }

    init(store: any Store = MemoryStore(), configure: (inout HTTPServerConfig) -> Void = { _ in }) throws {
        let bridge = bridge
        let now = KubectlCluster.now().seconds
        let api = APIServer(
            store: store, clock: { KubectlCluster.now() },
            authenticator: StaticAuthenticator(tokens: [
                "secret": Identity(name: "admin", groups: ["system:masters"])
            ]), nodeBridge: { _ in bridge })
        self.api = api
        authority = try .generate(commonName: "test", now: now)
        let leaf = try authority.issueServer(
            commonName: "localhost", dnsNames: ["localhost"], ipAddresses: ["127.0.0.1"], now: now)
        var config = HTTPServerConfig(
            address: "127.0.0.1", port: 0,
            tls: TLSIdentity(certificateChain: leaf.certificatePEM, privateKey: leaf.keyPEM),
            clientCA: authority.certificatePEM)
        configure(&config)
        server = try HTTPServer(config: config) { request, responder in api.handle(request, responder) }
    }

    deinit { stop() }

    func stop() {
        api.stop()
        server.stop()
    }

    /// A client that proves who it is by a token, or not at all.
    func client(token: String? = nil) throws -> CurlClient {
        var config = config
        config.token = token
        return try CurlClient(config)
    }

    /// A client that proves who it is by a certificate: of the server's authority, or of another one.
    func client(as user: String, groups: [String], of other: CertificateAuthority? = nil) throws -> CurlClient {
        var config = config
        let identity = try (other ?? authority).issueClient(
            commonName: user, organizations: groups, now: KubectlCluster.now().seconds)
        config.clientCertificate = identity.certificatePEM
        config.clientKey = identity.keyPEM
        return try CurlClient(config)
    }

    private var config: ClientConfig {
        ClientConfig(server: "https://127.0.0.1:\(server.port)", certificateAuthority: authority.certificatePEM)
    }
}

extension CurlClient {
    /// Sends a document.
    func send(_ method: String, _ path: String, _ document: JSONValue) throws -> APIResponse {
        try send(method, path, headers: [("Content-Type", "application/json")], body: document.serialized())
    }
}

extension APIResponse {
    var document: JSONValue { (try? JSONValue(parsing: body)) ?? .null }
}
