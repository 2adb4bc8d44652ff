internal import CGnuTLS
internal import Glibc

/// A certificate and the private key that belongs to it, both in PEM.
public struct IssuedCertificate: Sendable, Hashable {
    /// The certificate.
    public var certificatePEM: String
    /// The private key in PKCS #8.
    public var keyPEM: String

    /// Makes a pair.
    public init(certificatePEM: String, keyPEM: String) {
        self.certificatePEM = certificatePEM
        self.keyPEM = keyPEM
    }
}

/// A certificate authority that signs what a cluster's servers, nodes and users present (RFC 5280).
///
/// Keys are ECDSA P-256 and signatures SHA-256. Certificates become valid an hour before `now`, because clocks of
/// machines differ, and none outlives the authority. Every `now` is in seconds since the Unix epoch.
public struct CertificateAuthority: Sendable, Hashable {
    /// The authority's own certificate: what others trust.
    public let certificatePEM: String
    /// The authority's private key.
    public let keyPEM: String

    /// How long before `now` a certificate becomes valid, in seconds.
    static let backdating: Int64 = 3600

    /// Takes an authority that was made before.
    ///
    /// - Throws: `PKIError` when either text cannot be read, the key is another certificate's, or the certificate may
    ///   not sign others.
    public init(certificatePEM: String, keyPEM: String) throws(PKIError) {
        let certificate = try X509(pem: certificatePEM)
        let key = try PrivateKey(pem: keyPEM)
        guard try certificate.keyID() == key.keyID() else {
            throw PKIError(message: "the private key does not belong to the authority's certificate")
        }
        guard certificate.isAuthority else {
            throw PKIError(message: "the certificate is not a certificate authority's")
        }
        self.certificatePEM = certificatePEM
        self.keyPEM = keyPEM
    }

    /// Makes a new authority with a self-signed certificate.
    ///
    /// - Parameter validityDays: for how many days it is valid.
    public static func generate(
        commonName: String, validityDays: Int = 3650, now: Int64
    ) throws(PKIError) -> CertificateAuthority {
        let key = try PrivateKey.generate()
        let certificate = try draft(
            commonName: commonName, organizations: [], key: key, from: now - backdating,
            to: now + Int64(validityDays) * 86400)
        let usage = UInt32(GNUTLS_KEY_KEY_CERT_SIGN | GNUTLS_KEY_CRL_SIGN)
        try check(gnutls_x509_crt_set_basic_constraints(certificate.handle, 1, 0), "cannot make an authority")
        try check(gnutls_x509_crt_set_key_usage(certificate.handle, usage), "cannot make an authority")
        try sign(certificate, by: certificate, key)
        return try CertificateAuthority(certificatePEM: certificate.pem(), keyPEM: key.pem())
    }

    /// Issues a certificate by which a TLS server proves the names and addresses it is reached under.
    ///
    /// - Parameter ipAddresses: IPv4 or IPv6 addresses as text.
    public func issueServer(
        commonName: String, dnsNames: [String], ipAddresses: [String], validityDays: Int = 365, now: Int64
    ) throws(PKIError) -> IssuedCertificate {
        try issue(commonName, [], validityDays: validityDays, now: now) { certificate throws(PKIError) in
            for name in dnsNames { try certificate.addAlternativeName(dns: name) }
            for address in ipAddresses {
                try certificate.addAlternativeName(address: CertificateAuthority.addressBytes(address))
            }
            try CertificateAuthority.setPurpose(CertificatePurpose.server, of: certificate)
        }
    }

    /// Issues a certificate by which a client proves who it is: `commonName` is the user, `organizations` the groups.
    public func issueClient(
        commonName: String, organizations: [String], validityDays: Int = 365, now: Int64
    ) throws(PKIError) -> IssuedCertificate {
        try issue(commonName, organizations, validityDays: validityDays, now: now) { certificate throws(PKIError) in
            try CertificateAuthority.setPurpose(CertificatePurpose.client, of: certificate)
        }
    }

    private func issue(
        _ commonName: String, _ organizations: [String], validityDays: Int, now: Int64,
        _ complete: (X509) throws(PKIError) -> Void
    ) throws(PKIError) -> IssuedCertificate {
        let authority = try X509(pem: certificatePEM)
        let authorityKey = try PrivateKey(pem: keyPEM)
        let key = try PrivateKey.generate()
        let certificate = try CertificateAuthority.draft(
            commonName: commonName, organizations: organizations, key: key,
            from: max(now - CertificateAuthority.backdating, authority.activation),
            to: min(now + Int64(validityDays) * 86400, authority.expiry))
        let usage = UInt32(GNUTLS_KEY_DIGITAL_SIGNATURE)
        try check(gnutls_x509_crt_set_basic_constraints(certificate.handle, 0, -1), "cannot issue a certificate")
        try check(gnutls_x509_crt_set_key_usage(certificate.handle, usage), "cannot issue a certificate")
        try complete(certificate)
        try CertificateAuthority.sign(certificate, by: authority, authorityKey)
        return IssuedCertificate(certificatePEM: try certificate.pem(), keyPEM: try key.pem())
    }
}

extension CertificateAuthority {
    /// A version 3 certificate with a subject, a key, a serial number and a time of validity.
    private static func draft(
        commonName: String, organizations: [String], key: PrivateKey, from: Int64, to: Int64
    ) throws(PKIError) -> X509 {
        let certificate = try X509()
        let handle = certificate.handle
        let serial = try newSerial()
        for organization in organizations { try certificate.setDistinguishedName("2.5.4.10", organization) }
        try certificate.setDistinguishedName("2.5.4.3", commonName)
        try check(gnutls_x509_crt_set_version(handle, 3), "cannot make a certificate")
        try check(gnutls_x509_crt_set_key(handle, key.handle), "cannot make a certificate")
        try check(gnutls_x509_crt_set_serial(handle, serial, serial.count), "cannot make a certificate")
        try check(gnutls_x509_crt_set_activation_time(handle, Int(from)), "cannot make a certificate")
        try check(gnutls_x509_crt_set_expiration_time(handle, Int(to)), "cannot make a certificate")
        let id = try key.keyID()
        try check(gnutls_x509_crt_set_subject_key_id(handle, id, id.count), "cannot make a certificate")
        return certificate
    }

    private static func sign(_ certificate: X509, by issuer: X509, _ issuerKey: PrivateKey) throws(PKIError) {
        let id = try issuerKey.keyID()
        try check(
            gnutls_x509_crt_set_authority_key_id(certificate.handle, id, id.count), "cannot sign a certificate")
        try check(
            gnutls_x509_crt_sign2(certificate.handle, issuer.handle, issuerKey.handle, GNUTLS_DIG_SHA256, 0),
            "cannot sign a certificate")
    }

    private static func setPurpose(_ purpose: CertificatePurpose, of certificate: X509) throws(PKIError) {
        try check(
            gnutls_x509_crt_set_key_purpose_oid(certificate.handle, purpose.oid, 0), "cannot issue a certificate")
    }

    /// 128 random bits, positive as RFC 5280 section 4.1.2.2 asks.
    private static func newSerial() throws(PKIError) -> [UInt8] {
        var serial = try SecureRandom.bytes(16)
        serial[0] = serial[0] & 0x7F | 0x40
        return serial
    }

    private static func addressBytes(_ text: String) throws(PKIError) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: 16)
        if inet_pton(AF_INET, text, &bytes) == 1 { return Array(bytes[0..<4]) }
        if inet_pton(AF_INET6, text, &bytes) == 1 { return bytes }
        throw PKIError(message: "\"\(text)\" is not an IP address")
    }
}

extension PrivateKey {
    /// What names the key in certificates: SHA-1 of its public half (RFC 5280 section 4.2.1.2).
    func keyID() throws(PKIError) -> [UInt8] {
        var id = [UInt8](repeating: 0, count: 20)
        var size = id.count
        try check(gnutls_x509_privkey_get_key_id(handle, 0, &id, &size), "cannot name the private key")
        return id
    }
}

extension X509 {
    /// What names the certificate's key; equal to its private key's.
    func keyID() throws(PKIError) -> [UInt8] {
        var id = [UInt8](repeating: 0, count: 20)
        var size = id.count
        try check(gnutls_x509_crt_get_key_id(handle, 0, &id, &size), "cannot name the certificate's key")
        return id
    }
}
