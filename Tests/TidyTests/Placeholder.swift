import Testing

@Test func `the TidyTests suite is wired`() {
    #expect(Bool(true))
}
