import Testing

@Test func `the SchedulerTests suite is wired`() {
    #expect(Bool(true))
}
