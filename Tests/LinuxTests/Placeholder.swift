import Testing

@Test func `the LinuxTests suite is wired`() {
    #expect(Bool(true))
}
