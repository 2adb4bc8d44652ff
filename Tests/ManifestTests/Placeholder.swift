import Testing

@Test func `the ManifestTests suite is wired`() {
    #expect(Bool(true))
}
