import Model
import Testing

@Test(
    arguments: [
        ("700m", 700), ("0.7", 700), ("1", 1000), ("1.5", 1500), (".5", 500), ("5.", 5000), ("1e3", 1_000_000),
        ("1E-3", 1), ("0.0001", 1), ("1Ki", 1_024_000), ("1.5Ki", 1_536_000), ("128Mi", 134_217_728_000),
        ("2G", 2_000_000_000_000),
        ("0", 0), ("300m", 300), ("9P", 9_000_000_000_000_000_000),
    ] as [(String, Int64)])
func `a quantity is read exactly and rounded up to thousandths`(text: String, thousandths: Int64) {
    #expect(Quantity(text)?.thousandths == thousandths)
}

@Test(arguments: ["", "-1", "+1", "1.2.3", "abc", "1Kb", "1e", "1e99", "10P", "1 Gi", "0x10", "1e3e3", "."])
func `what is no quantity is refused`(text: String) {
    #expect(Quantity(text) == nil)
}

@Test func `every count of millicores is read back as itself`() {
    for count in 0...2000 { #expect(Quantity("\(count)m")?.thousandths == Int64(count)) }
}
