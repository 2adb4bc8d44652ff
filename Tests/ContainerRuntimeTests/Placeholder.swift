import Testing

@Test func `the ContainerRuntimeTests suite is wired`() {
    #expect(Bool(true))
}
