import Testing

@Test func `the AgentTests suite is wired`() {
    #expect(Bool(true))
}
