import Testing

@Test func `the HTTPTests suite is wired`() {
    #expect(Bool(true))
}
