import Testing

@Test func `the PKITests suite is wired`() {
    #expect(Bool(true))
}
