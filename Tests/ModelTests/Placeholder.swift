import Testing

@Test func `the ModelTests suite is wired`() {
    #expect(Bool(true))
}
