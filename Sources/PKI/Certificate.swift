internal import CGnuTLS

/// What a certificate may be used for (RFC 5280 section 4.2.1.12).
public enum CertificatePurpose: Sendable {
    case server, client

    /// The extended key usage's object identifier.
    var oid: String { self == .server ? "1.3.6.1.5.5.7.3.1" : "1.3.6.1.5.5.7.3.2" }
}

/// Questions about certificates in PEM. Times are in seconds since the Unix epoch.
public enum Certificate {
    /// When the first certificate of a text expires.
    public static func expiry(_ pem: String) throws(PKIError) -> Int64 { try X509(pem: pem).expiry }

    /// The SHA-256 of the first certificate of a text, in lower-case hexadecimal: what a join command pins.
    public static func fingerprint(_ pem: String) throws(PKIError) -> String {
        hex(try X509(pem: pem).fingerprint())
    }

    /// The user a certificate names (`CN`) and that user's groups (`O`).
    public static func subject(_ pem: String) throws(PKIError) -> (commonName: String, organizations: [String]) {
        try X509(pem: pem).subject()
    }

    /// The user and the groups that a certificate in DER names, as TLS sessions hold them.
    public static func subject(
        der: UnsafeRawBufferPointer
    ) throws(PKIError) -> (commonName: String, organizations: [String]) { try X509(der: der).subject() }

    /// Whether an authority vouches for a certificate used for a purpose at a time, and if not, why.
    ///
    /// - Throws: `PKIError` that says what is wrong with the certificate.
    public static func verify(
        _ pem: String, authority: String, purpose: CertificatePurpose, now: Int64
    ) throws(PKIError) {
        let certificate = try X509(pem: pem)
        let trusted = try X509(pem: authority)
        for one in [certificate, trusted] where now < one.activation || now > one.expiry {
            throw PKIError(message: "the certificate \(now < one.activation ? "is not valid yet" : "has expired")")
        }
        guard try certificate.isSigned(by: trusted) else {
            throw PKIError(message: "the certificate is not signed by the expected authority")
        }
        guard certificate.isMeant(for: purpose) else {
            throw PKIError(message: "the certificate is not for a \(purpose == .server ? "server" : "client")")
        }
    }

    /// Makes sure that a private key, in PEM, belongs to the first certificate of a text.
    public static func check(_ pem: String, matches key: String) throws(PKIError) {
        guard try X509(pem: pem).keyID() == PrivateKey(pem: key).keyID() else {
            throw PKIError(message: "the private key does not belong to the certificate")
        }
    }

    /// Whether a server certificate is for a host name or an IP address (RFC 6125).
    public static func isFor(host: String, _ pem: String) throws(PKIError) -> Bool {
        try X509(pem: pem).isFor(host: host)
    }
}

// Swift may free an object after its last use, while GnuTLS still works with the handle inside: so handles are used in
// methods, for whose duration the object is kept alive.
extension X509 {
    var isAuthority: Bool { gnutls_x509_crt_get_ca_status(handle, nil) == 1 }

    func isMeant(for purpose: CertificatePurpose) -> Bool {
        gnutls_x509_crt_check_key_purpose(handle, purpose.oid, 0) != 0
    }

    func isFor(host: String) -> Bool { gnutls_x509_crt_check_hostname(handle, host) != 0 }

    /// Whether another certificate's key signed this one; the times of validity are the caller's to compare, so that
    /// GnuTLS does not look at the clock.
    func isSigned(by issuer: X509) throws(PKIError) -> Bool {
        var trusted: gnutls_x509_crt_t? = issuer.handle
        var status: UInt32 = 0
        let flags = GNUTLS_VERIFY_DISABLE_TIME_CHECKS.rawValue
        try check(gnutls_x509_crt_verify(handle, &trusted, 1, flags, &status), "cannot verify the certificate")
        return status == 0
    }

    /// The SHA-256 of the certificate in DER.
    func fingerprint() throws(PKIError) -> [UInt8] {
        var digest = [UInt8](repeating: 0, count: 32)
        var size = digest.count
        try check(
            gnutls_x509_crt_get_fingerprint(handle, GNUTLS_DIG_SHA256, &digest, &size),
            "cannot take the certificate's fingerprint")
        return digest
    }

    /// The user and the groups that the subject names.
    func subject() throws(PKIError) -> (commonName: String, organizations: [String]) {
        var name: gnutls_x509_dn_t?
        try check(gnutls_x509_crt_get_subject(handle, &name), "cannot read the certificate's subject")
        var commonName = ""
        var organizations: [String] = []
        var index: Int32 = 0
        var attribute = gnutls_x509_ava_st()
        // Attribute by attribute: the function that finds one by its type returns it escaped (RFC 4514).
        while gnutls_x509_dn_get_rdn_ava(name, index, 0, &attribute) >= 0 {
            let value = UnsafeBufferPointer(start: attribute.value.data, count: Int(attribute.value.size))
            let type = UnsafeBufferPointer(start: attribute.oid.data, count: Int(attribute.oid.size))
            let text = String(decoding: value, as: UTF8.self)
            switch String(decoding: type.prefix { $0 != 0 }, as: UTF8.self) {
            case "2.5.4.3": commonName = text
            case "2.5.4.10": organizations.append(text)
            default: break
            }
            index += 1
        }
        return (commonName, organizations)
    }
}
