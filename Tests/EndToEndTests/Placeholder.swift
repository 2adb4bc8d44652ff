import Testing

@Test func `the EndToEndTests suite is wired`() {
    #expect(Bool(true))
}
