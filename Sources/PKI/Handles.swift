internal import CGnuTLS

/// Calls a function with a text as GnuTLS takes it.
func withDatum<R>(_ text: String, _ body: (UnsafePointer<gnutls_datum_t>) -> R) -> R {
    var bytes = Array(text.utf8)
    return bytes.withUnsafeMutableBufferPointer { buffer in
        var datum = gnutls_datum_t(data: buffer.baseAddress, size: UInt32(buffer.count))
        return body(&datum)
    }
}

/// Takes a text that GnuTLS allocated.
func takeText(
    _ what: String, _ fill: (UnsafeMutablePointer<gnutls_datum_t>) -> Int32
) throws(PKIError) -> String {
    var datum = gnutls_datum_t()
    try check(fill(&datum), what)
    defer { martlet_gnutls_free(datum.data) }
    return String(decoding: UnsafeBufferPointer(start: datum.data, count: Int(datum.size)), as: UTF8.self)
}

/// A private key that GnuTLS holds; freed with this object.
final class PrivateKey {
    let handle: gnutls_x509_privkey_t

    private init() throws(PKIError) {
        var handle: gnutls_x509_privkey_t?
        try check(gnutls_x509_privkey_init(&handle), "cannot make a private key")
        guard let handle else { throw PKIError(message: "cannot make a private key") }
        self.handle = handle
    }

    deinit { gnutls_x509_privkey_deinit(handle) }

    /// A new ECDSA key on the curve P-256.
    static func generate() throws(PKIError) -> PrivateKey {
        let key = try PrivateKey()
        // GNUTLS_CURVE_TO_BITS, a macro: the high bit says that the rest names a curve.
        let curve = UInt32(1) << 31 | GNUTLS_ECC_CURVE_SECP256R1.rawValue
        try check(
            gnutls_x509_privkey_generate(key.handle, GNUTLS_PK_ECDSA, curve, 0), "cannot generate a private key")
        return key
    }

    convenience init(pem: String) throws(PKIError) {
        try self.init()
        let handle = self.handle
        try check(
            withDatum(pem) { gnutls_x509_privkey_import2(handle, $0, GNUTLS_X509_FMT_PEM, nil, 0) },
            "cannot read the private key")
    }

    /// The key in PKCS #8, PEM.
    func pem() throws(PKIError) -> String {
        try takeText("cannot write the private key") {
            gnutls_x509_privkey_export2_pkcs8(handle, GNUTLS_X509_FMT_PEM, nil, GNUTLS_PKCS_PLAIN.rawValue, $0)
        }
    }
}

/// A certificate that GnuTLS holds; freed with this object.
final class X509 {
    let handle: gnutls_x509_crt_t

    init() throws(PKIError) {
        var handle: gnutls_x509_crt_t?
        try check(gnutls_x509_crt_init(&handle), "cannot make a certificate")
        guard let handle else { throw PKIError(message: "cannot make a certificate") }
        self.handle = handle
    }

    deinit { gnutls_x509_crt_deinit(handle) }

    /// Reads the first certificate of a PEM text.
    convenience init(pem: String) throws(PKIError) {
        try self.init()
        let handle = self.handle
        try check(
            withDatum(pem) { gnutls_x509_crt_import(handle, $0, GNUTLS_X509_FMT_PEM) }, "cannot read the certificate")
    }

    convenience init(der: UnsafeRawBufferPointer) throws(PKIError) {
        try self.init()
        let start = UnsafeMutableRawPointer(mutating: der.baseAddress)?.assumingMemoryBound(to: UInt8.self)
        var datum = gnutls_datum_t(data: start, size: UInt32(der.count))
        try check(gnutls_x509_crt_import(handle, &datum, GNUTLS_X509_FMT_DER), "cannot read the certificate")
    }

    func pem() throws(PKIError) -> String {
        try takeText("cannot write the certificate") { gnutls_x509_crt_export2(handle, GNUTLS_X509_FMT_PEM, $0) }
    }

    var activation: Int64 { Int64(gnutls_x509_crt_get_activation_time(handle)) }
    var expiry: Int64 { Int64(gnutls_x509_crt_get_expiration_time(handle)) }

    func setDistinguishedName(_ oid: String, _ value: String) throws(PKIError) {
        let size = UInt32(value.utf8.count)
        try check(
            value.withCString { gnutls_x509_crt_set_dn_by_oid(handle, oid, 0, $0, size) },
            "cannot put \"\(value)\" into a certificate")
    }

    func addAlternativeName(dns name: String) throws(PKIError) {
        let size = UInt32(name.utf8.count)
        let flags = UInt32(GNUTLS_FSAN_APPEND)
        try check(
            name.withCString { gnutls_x509_crt_set_subject_alt_name(handle, GNUTLS_SAN_DNSNAME, $0, size, flags) },
            "cannot put the name \"\(name)\" into a certificate")
    }

    func addAlternativeName(address bytes: [UInt8]) throws(PKIError) {
        let flags = UInt32(GNUTLS_FSAN_APPEND)
        try check(
            gnutls_x509_crt_set_subject_alt_name(handle, GNUTLS_SAN_IPADDRESS, bytes, UInt32(bytes.count), flags),
            "cannot put an address into a certificate")
    }
}
