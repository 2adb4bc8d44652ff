import Testing

@Test func `the KernelTests suite is wired`() {
    #expect(Bool(true))
}
