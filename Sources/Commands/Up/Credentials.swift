import APIServer
import Client
import Glibc
import HTTP
import Linux
import Model
import PKI
import Threads

/// The keys, certificates and tokens of one installation, made when they are missing and renewed before they end.
struct Credentials: Sendable {
    /// The authority in PEM.
    let authority: String
    /// The authority itself, which signs what this installation needs.
    let issuer: CertificateAuthority
    /// What the API server proves itself with.
    let server: TLSIdentity
    /// What the administrator's kubeconfig holds.
    let admin: IssuedCertificate
    /// What the agent of this node proves itself with.
    let agent: IssuedCertificate
    /// The administrator's bearer token.
    let token: String

    /// Certificates with less than this left are renewed at the start, in seconds.
    static let renewal: Int64 = 30 * 86400

    /// Loads or makes them.
    ///
    /// - Parameter addresses: the addresses and names by which clients reach the server.
    init(in installation: Installation, node: String, addresses: [String]) throws {
        let directory = installation.pki
        try makeDirectories(directory, mode: 0o700)
        let now = MachineClock.wall.seconds
        let authority = try Self.authority(in: directory, now: now)
        self.authority = authority.certificatePEM
        issuer = authority
        let numeric = addresses.filter { $0.allSatisfy { $0.isNumber || $0 == "." || $0 == ":" } }
        let names = addresses.filter { !numeric.contains($0) }
        let server = try Self.pair(
            in: directory, "server", now: now,
            isFit: { pem in
                try addresses.allSatisfy { host throws(PKIError) in try Certificate.isFor(host: host, pem) }
            }
        ) { () throws(PKIError) in
            try authority.issueServer(commonName: "martlet", dnsNames: names, ipAddresses: numeric, now: now)
        }
        self.server = TLSIdentity(certificateChain: server.certificatePEM, privateKey: server.keyPEM)
        admin = try Self.pair(in: directory, "admin", now: now) { () throws(PKIError) in
            try authority.issueClient(commonName: "admin", organizations: ["system:masters"], now: now)
        }
        agent = try Self.pair(
            in: directory, "agent", now: now,
            isFit: { pem in
                try Certificate.subject(pem).commonName == "system:node:\(node)"
            }
        ) { () throws(PKIError) in
            try authority.issueClient(commonName: "system:node:\(node)", organizations: ["system:nodes"], now: now)
        }
        token = try Self.token(in: directory)
    }

    private static func authority(in directory: String, now: Int64) throws -> CertificateAuthority {
        let issued = try pair(in: directory, "ca", now: now) { () throws(PKIError) in
            let made = try CertificateAuthority.generate(commonName: "martlet-ca", now: now)
            return IssuedCertificate(certificatePEM: made.certificatePEM, keyPEM: made.keyPEM)
        }
        return try CertificateAuthority(certificatePEM: issued.certificatePEM, keyPEM: issued.keyPEM)
    }

    /// A certificate and its key from the folder, or new ones when they are missing, end soon or do not fit.
    private static func pair(
        in directory: String, _ name: String, now: Int64, isFit: (String) throws -> Bool = { _ in true },
        _ make: () throws(PKIError) -> IssuedCertificate
    ) throws -> IssuedCertificate {
        let (certificatePath, keyPath) = ("\(directory)/\(name).crt", "\(directory)/\(name).key")
        if let certificate = try? readText(certificatePath), let key = try? readText(keyPath),
            let expiry = try? Certificate.expiry(certificate), expiry - now > renewal, (try? isFit(certificate)) == true
        {
            return IssuedCertificate(certificatePEM: certificate, keyPEM: key)
        }
        let made = try make()
        // The key first: a certificate without its key would be taken for a whole pair.
        try writeDurably(keyPath, text: made.keyPEM, mode: 0o600)
        try writeDurably(certificatePath, text: made.certificatePEM, mode: 0o644)
        return made
    }

    private static func token(in directory: String) throws -> String {
        let path = "\(directory)/admin.token"
        if let token = try? readText(path, limit: 4096), token.count >= 32 { return token.filter { !$0.isWhitespace } }
        let token = try SecureRandom.token()
        try writeDurably(path, text: token + "\n", mode: 0o600)
        return token
    }

    /// How the administrator reaches the server.
    func adminConfig(server: String) -> ClientConfig {
        ClientConfig(
            server: server, certificateAuthority: authority, clientCertificate: admin.certificatePEM,
            clientKey: admin.keyPEM)
    }

    /// How the agent reaches the server.
    func agentConfig(server: String) -> ClientConfig {
        ClientConfig(
            server: server, certificateAuthority: authority, clientCertificate: agent.certificatePEM,
            clientKey: agent.keyPEM)
    }

    /// Knows the token; client certificates need no list.
    var authenticator: StaticAuthenticator {
        StaticAuthenticator(tokens: [token: Identity(name: "admin", groups: ["system:masters"])])
    }
}
