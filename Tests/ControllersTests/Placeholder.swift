import Testing

@Test func `the ControllersTests suite is wired`() {
    #expect(Bool(true))
}
