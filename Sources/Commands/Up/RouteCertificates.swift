import Linux
import Model
import PKI
import Proxy

/// The certificates of routes: those that Secrets hold, and of our own authority where none is named or the named one is of no
/// use.
package struct RouteCertificates: Sendable {
    /// Where our own are kept, so that a restart does not change them.
    let directory: String
    /// Who signs our own.
    let authority: CertificateAuthority
    /// Reads a Secret's data.
    let secret: @Sendable (_ namespace: String, _ name: String) throws -> [String: [UInt8]]
    /// Takes a line for the log.
    let log: @Sendable (String) -> Void
    /// What was told of each certificate last, so that it is told once.
    private var told: [String: String] = [:]
    /// The last good ones of Secrets: an API that does not answer takes no certificate away.
    private var good: [String: String] = [:]

    /// Makes certificates of which none is there yet.
    package init(
        directory: String, authority: CertificateAuthority,
        secret: @escaping @Sendable (_ namespace: String, _ name: String) throws -> [String: [UInt8]],
        log: @escaping @Sendable (String) -> Void
    ) {
        self.directory = directory
        self.authority = authority
        self.secret = secret
        self.log = log
    }

    /// What HAProxy is to have for what routes want.
    mutating func certificates(for wanted: [WantedCertificate], now: Int64) -> [ProxyCertificate] {
        wanted.compactMap { want in
            do {
                return ProxyCertificate(name: want.name, pem: try pem(of: want, now: now))
            } catch {
                tell(want.name, "no certificate for \(want.host ?? "every host"): \(error)")
                return nil
            }
        }
    }

    private mutating func pem(of want: WantedCertificate, now: Int64) throws -> String {
        guard let name = want.secret else { return try ownPair(for: want, now: now) }
        do {
            let pem = try Self.pem(of: try secret(want.namespace, name), host: want.host, now: now)
            good[want.name] = pem
            told[want.name] = nil
            return pem
        } catch {
            let isKept = good[want.name] != nil
            tell(
                want.name,
                "Secret \(want.namespace)/\(name): \(error); the route of \(want.host ?? "every host") has "
                    + (isKept ? "the certificate from before" : "a certificate that no browser trusts"))
            return try good[want.name] ?? ownPair(for: want, now: now)
        }
    }

    private mutating func tell(_ name: String, _ line: String) {
        guard told[name] != line else { return }
        told[name] = line
        log(line)
    }

    /// The chain and the key of a Secret of type `kubernetes.io/tls`, as one text.
    ///
    /// - Throws: a `CommandFailure` that says what is missing or wrong. HAProxy would refuse its whole configuration for it.
    static func pem(of data: [String: [UInt8]], host: String?, now: Int64) throws -> String {
        func text(_ key: String) throws -> String {
            guard let bytes = data[key], !bytes.isEmpty else {
                throw CommandFailure(message: "it has no \(key); a certificate needs tls.crt and tls.key")
            }
            return String(decoding: bytes, as: UTF8.self)
        }
        let (chain, key) = (try text("tls.crt"), try text("tls.key"))
        do throws(PKIError) {
            guard try Certificate.expiry(chain) > now else { throw PKIError(message: "tls.crt has expired") }
            try Certificate.check(chain, matches: key)
        } catch {
            throw CommandFailure(message: error.message)
        }
        return chain + (chain.hasSuffix("\n") ? "" : "\n") + key
    }

    /// A certificate of our own authority, kept until it soon expires.
    private func ownPair(for want: WantedCertificate, now: Int64) throws -> String {
        let path = "\(directory)/\(want.name).pem"
        if let pem = try? readText(path), let expiry = try? Certificate.expiry(pem), expiry - now > Credentials.renewal
        {
            return pem
        }
        try makeDirectories(directory, mode: 0o700)
        let name = want.host ?? "localhost"
        let issued = try authority.issueServer(
            commonName: "martlet route", dnsNames: [name], ipAddresses: [], now: now)
        let pem = issued.certificatePEM + issued.keyPEM
        try writeDurably(path, text: pem, mode: 0o600)
        return pem
    }
}
