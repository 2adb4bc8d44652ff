import Testing

@Test func `the ControlPlaneTests suite is wired`() {
    #expect(Bool(true))
}
