import Testing

@Test func `the CommandTests suite is wired`() {
    #expect(Bool(true))
}
