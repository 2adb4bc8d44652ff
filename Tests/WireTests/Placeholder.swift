import Testing

@Test func `the WireTests suite is wired`() {
    #expect(Bool(true))
}
