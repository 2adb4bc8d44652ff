import Testing

@Test func `the StoreTests suite is wired`() {
    #expect(Bool(true))
}
