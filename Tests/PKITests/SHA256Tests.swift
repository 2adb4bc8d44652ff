import PKI
import Testing

struct SHA256Tests {
    // FIPS 180-4's examples: csrc.nist.gov, "Cryptographic Standards and Guidelines, Example Values".
    @Test(arguments: [
        ("", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
        ("abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
    ])
    func `the digest is the standard's`(text: String, hex: String) {
        #expect(Digest(of: Array(text.utf8)).hex == hex)
    }

    @Test func `content in pieces has the digest of the whole, and the next digest starts anew`() {
        var hash = SHA256()
        for byte in "abc".utf8 { hash.update([byte]) }
        #expect(hash.finish() == Digest(of: Array("abc".utf8)))
        #expect(hash.finish() == Digest(of: []))
    }

    @Test func `only sha256 and 64 lower-case digits are a digest`() {
        let hex = String(repeating: "0a", count: 32)
        #expect(Digest("sha256:\(hex)")?.hex == hex)
        #expect(Digest.sha256(hex)?.text == "sha256:\(hex)")
        let wrong = [
            "", "sha256:", hex, "sha512:\(hex)", "sha256:\(hex.dropLast())", "sha256:\(hex)0",
            "sha256:\(hex.uppercased())",
        ]
        for text in wrong { #expect(Digest(text) == nil, "\(text)") }
        #expect(Digest.sha256(String(hex.dropLast()) + "\u{301}") == nil)
    }
}
