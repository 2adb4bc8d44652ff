import Client
import HTTP
import PKI
import Testing

struct CertificateAuthenticationTests {
    static func server() throws -> TestServer {
        try TestServer { request, responder in
            let user = request.clientCertificate.map { "\($0.commonName) of \($0.organizations)" } ?? "nobody"
            let status = request.certificateError == nil ? 200 : 401
            responder.respond(
                status: status, headers: [], body: Array((request.certificateError ?? user).utf8))
        }
    }

    @Test func `a client without a certificate is served as nobody`() throws {
        let test = try Self.server()
        #expect(try text(test.client().send("GET", "/")) == "nobody")
    }

    @Test func `a client's certificate says who it is, on every request of the connection`() throws {
        let test = try Self.server()
        let client = try test.client(as: "ann", groups: ["ops", "a, b"])
        for _ in 0..<3 { #expect(try text(client.send("GET", "/")) == #"ann of ["ops", "a, b"]"#) }
        #expect(client.connectionCount == 1)
    }

    @Test func `another authority's certificate is an error and names nobody`() throws {
        let test = try Self.server()
        let foreign = try CertificateAuthority.generate(commonName: "test", now: testNow())
        let identity = try foreign.issueClient(commonName: "ann", organizations: ["ops"], now: testNow())
        var config = try test.config()
        config.clientCertificate = identity.certificatePEM
        config.clientKey = identity.keyPEM
        let answer = try CurlClient(config).send("GET", "/")
        #expect(answer.status == 401)
        #expect(text(answer).hasPrefix("the client certificate is refused: "))
    }

    @Test func `an expired certificate is an error`() throws {
        let test = try Self.server()
        let identity = try test.authority.issueClient(
            commonName: "ann", organizations: [], validityDays: 0, now: testNow() - 60)
        var config = try test.config()
        config.clientCertificate = identity.certificatePEM
        config.clientKey = identity.keyPEM
        let answer = try CurlClient(config).send("GET", "/")
        #expect(answer.status == 401)
    }

    @Test func `a server's certificate does not make a client`() throws {
        let test = try Self.server()
        let identity = try test.authority.issueServer(
            commonName: "ann", dnsNames: ["ann"], ipAddresses: [], now: testNow())
        var config = try test.config()
        config.clientCertificate = identity.certificatePEM
        config.clientKey = identity.keyPEM
        #expect(try CurlClient(config).send("GET", "/").status == 401)
    }

    @Test func `a server that the client's authority did not sign is refused`() throws {
        let test = try Self.server()
        var config = try test.config()
        config.certificateAuthority = try CertificateAuthority.generate(
            commonName: "test", now: testNow()
        ).certificatePEM
        let client = try CurlClient(config)
        let error = #expect(throws: ClientError.self) { try client.send("GET", "/") }
        #expect(error?.description.contains("is not the one that the kubeconfig trusts") == true)
    }

    @Test func `a server that is not there is named with what to do`() throws {
        let client = try CurlClient(ClientConfig(server: "https://127.0.0.1:1"))
        let error = #expect(throws: ClientError.self) { try client.send("GET", "/") }
        let text = error?.description ?? ""
        #expect(text.hasPrefix("cannot reach the server https://127.0.0.1:1: "))
        #expect(text.hasSuffix("; is `martlet up` running?"))
    }
}
