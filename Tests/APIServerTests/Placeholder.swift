import Testing

@Test func `the APIServerTests suite is wired`() {
    #expect(Bool(true))
}
