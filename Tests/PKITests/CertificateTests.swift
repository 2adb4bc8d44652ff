import PKI
import Testing

struct CertificateTests {
    /// 2026-01-01T00:00:00Z.
    static let now: Int64 = 1_767_225_600
    static let day: Int64 = 86400

    let authority: CertificateAuthority

    init() throws { authority = try .generate(commonName: "martlet", validityDays: 3650, now: Self.now) }

    func server(days: Int = 365) throws -> IssuedCertificate {
        try authority.issueServer(
            commonName: "martlet", dnsNames: ["localhost", "api.example.com"], ipAddresses: ["127.0.0.1", "fd00::1"],
            validityDays: days, now: Self.now)
    }

    @Test func `what an authority issues is verified for its purpose only`() throws {
        let client = try authority.issueClient(commonName: "ann", organizations: ["system:masters"], now: Self.now)
        let ca = authority.certificatePEM
        try Certificate.verify(try server().certificatePEM, authority: ca, purpose: .server, now: Self.now)
        try Certificate.verify(client.certificatePEM, authority: ca, purpose: .client, now: Self.now)
        let wrong = #expect(throws: PKIError.self) {
            try Certificate.verify(client.certificatePEM, authority: ca, purpose: .server, now: Self.now)
        }
        #expect(wrong?.message == "the certificate is not for a server")
    }

    @Test func `another authority's certificate is refused, even under the same name`() throws {
        let other = try CertificateAuthority.generate(commonName: "martlet", now: Self.now)
        let error = #expect(throws: PKIError.self) {
            try Certificate.verify(
                server().certificatePEM, authority: other.certificatePEM, purpose: .server, now: Self.now)
        }
        #expect(error?.message == "the certificate is not signed by the expected authority")
    }

    @Test func `certificates are valid from an hour ago until they expire`() throws {
        let pem = try server(days: 30).certificatePEM
        let expiry = try Certificate.expiry(pem)
        #expect(expiry == Self.now + 30 * Self.day)
        let ca = authority.certificatePEM
        for moment in [Self.now - 3600, expiry] {
            try Certificate.verify(pem, authority: ca, purpose: .server, now: moment)
        }
        for moment in [Self.now - 3601, expiry + 1] {
            #expect(throws: PKIError.self) {
                try Certificate.verify(pem, authority: ca, purpose: .server, now: moment)
            }
        }
    }

    @Test func `nothing outlives the authority`() throws {
        let pem = try server(days: 36500).certificatePEM
        #expect(try Certificate.expiry(pem) == Certificate.expiry(authority.certificatePEM))
    }

    @Test(arguments: [
        ("localhost", true), ("api.example.com", true), ("127.0.0.1", true), ("fd00::1", true), ("example.com", false),
        ("127.0.0.2", false), ("martlet", false),
    ])
    func `a server's certificate is for its names and addresses only`(host: String, expected: Bool) throws {
        #expect(try Certificate.isFor(host: host, server().certificatePEM) == expected)
    }

    @Test func `a client's certificate names the user and the groups`() throws {
        let client = try authority.issueClient(
            commonName: "system:node:one", organizations: ["system:nodes", "a, b"], now: Self.now)
        let subject = try Certificate.subject(client.certificatePEM)
        #expect(subject.commonName == "system:node:one")
        #expect(subject.organizations == ["system:nodes", "a, b"])
    }

    @Test func `an authority is read back and goes on issuing`() throws {
        let again = try CertificateAuthority(certificatePEM: authority.certificatePEM, keyPEM: authority.keyPEM)
        let pem = try again.issueServer(commonName: "s", dnsNames: ["s"], ipAddresses: [], now: Self.now).certificatePEM
        try Certificate.verify(pem, authority: authority.certificatePEM, purpose: .server, now: Self.now)
    }

    @Test func `a key of another certificate makes no authority`() throws {
        let other = try CertificateAuthority.generate(commonName: "other", now: Self.now)
        #expect(throws: PKIError.self) {
            try CertificateAuthority(certificatePEM: authority.certificatePEM, keyPEM: other.keyPEM)
        }
    }

    @Test func `a server's certificate makes no authority`() throws {
        let leaf = try server()
        #expect(throws: PKIError.self) {
            try CertificateAuthority(certificatePEM: leaf.certificatePEM, keyPEM: leaf.keyPEM)
        }
    }

    @Test func `what is no address is refused by name`() {
        let error = #expect(throws: PKIError.self) {
            try authority.issueServer(commonName: "s", dnsNames: [], ipAddresses: ["10.0.0.256"], now: Self.now)
        }
        #expect(error?.message == "\"10.0.0.256\" is not an IP address")
    }

    @Test func `fingerprints tell certificates apart`() throws {
        let mine = try Certificate.fingerprint(authority.certificatePEM)
        #expect(mine.utf8.count == 64)
        #expect(try mine == Certificate.fingerprint(authority.certificatePEM))
        #expect(try mine != Certificate.fingerprint(server().certificatePEM))
    }

    @Test func `what is no certificate is an error`() {
        #expect(throws: PKIError.self) { try Certificate.expiry("not a certificate") }
    }
}

struct SecureRandomTests {
    @Test func `identifiers are version 4 and never repeat`() throws {
        let ids = try (0..<1000).map { _ in try SecureRandom.uuid() }
        #expect(Set(ids).count == ids.count)
        for id in ids {
            let characters = Array(id)
            #expect(characters.count == 36 && characters[14] == "4" && "89ab".contains(characters[19]))
        }
    }

    @Test func `a token spells its bytes`() throws { #expect(try SecureRandom.token(byteCount: 16).utf8.count == 32) }
}
