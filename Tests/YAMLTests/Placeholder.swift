import Testing

@Test func `the YAMLTests suite is wired`() {
    #expect(Bool(true))
}
