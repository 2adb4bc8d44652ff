import Model
import Testing

@testable import Controllers

struct FingerprintTests {
    @Test func `the hash is FNV-1a`() {
        // draft-eastlake-fnv, test vectors of 64-bit FNV-1a; a piece ends in 0xff, so the empty hash is the offset basis.
        #expect(Fingerprint().value == 0xcbf2_9ce4_8422_2325)
        #expect(Fingerprint("a").value == (UInt64(0xaf63_dc4c_8601_ec8c) ^ 0xff) &* 0x0000_0100_0000_01b3)
    }

    @Test func `pieces are kept apart`() {
        #expect(Fingerprint("ab", "c") != Fingerprint("a", "bc"))
        #expect(Fingerprint("ab") != Fingerprint("ab", ""))
    }

    @Test func `the text is ten characters that spell no words`() {
        for index in 0..<200 {
            let text = Fingerprint("\(index)").text
            #expect(text.count == 10)
            #expect(text.allSatisfy { "bcdfghjklmnpqrstvwxz2456789".contains($0) })
        }
        #expect(Set((0..<2000).map { Fingerprint("\($0)").text }).count == 2000)
    }

    @Test(arguments: [(0, 0), (1, 1), (2, 2), (3, 4), (6, 32), (7, 60), (1000, 60)] as [(Int, Int64)])
    func `waits double from one second to sixty`(failures: Int, seconds: Int64) {
        #expect(Backoff.standard.wait(after: failures) == .seconds(seconds))
    }
}
