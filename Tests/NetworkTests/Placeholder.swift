import Testing

@Test func `the NetworkTests suite is wired`() {
    #expect(Bool(true))
}
