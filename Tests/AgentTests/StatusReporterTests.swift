import Model
import Testing
import Threads

@testable import Agent

private func status(_ phase: String) -> PodStatus {
    var status = PodStatus()
    status.phase = phase
    return status
}

private func pod(_ uid: String) -> Pod { .sample { $0.metadata.uid = uid } }

/// Runs a reporter on a thread of its own until a condition is met.
private func run(_ reporter: StatusReporter, until isDone: () -> Bool) throws {
    let thread = try Thread { reporter.run() }
    #expect(isDone())
    reporter.stop()
    thread.join()
}

@Test func `of each pod the newest status is sent`() throws {
    let connection = FakeConnection()
    let reporter = StatusReporter(connection: connection, node: "one") { _ in }
    for phase in ["Pending", "Running", "Failed"] { reporter.report(status(phase), of: pod("u1")) }
    reporter.report(status("Running"), of: pod("u2"))
    try run(reporter) { connection.statuses.wait(count: 2).count == 2 }
    #expect(connection.statuses.entries.map { "\($0.uid) \($0.status.phase ?? "")" } == ["u1 Failed", "u2 Running"])
}

@Test func `a status that could not be sent is sent again`() throws {
    let connection = FakeConnection()
    let log = Journal<String>()
    connection.fail("update", .unreachable("down"), .refused("no"))
    let reporter = StatusReporter(connection: connection, node: "one") { log.note($0) }
    reporter.report(status("Running"), of: pod("u1"))
    try run(reporter) { connection.statuses.wait(count: 1).count == 1 }
    #expect(connection.journal.entries == ["update u1", "update u1", "update u1"])
    #expect(log.entries == ["down", "no"].map { "reporting pod shop/web-1 failed: \($0)" })
}

@Test func `the status of a pod that is gone is dropped`() throws {
    let connection = FakeConnection()
    connection.fail("update", .notFound("gone"))
    let reporter = StatusReporter(connection: connection, node: "one") { Issue.record("logged: \($0)") }
    reporter.report(status("Running"), of: pod("u1"))
    reporter.report(status("Running"), of: pod("u2"))
    try run(reporter) { connection.statuses.wait(count: 1).count == 1 }
    #expect(connection.journal.entries == ["update u1", "update u2"])
}

@Test func `beyond a bound the oldest events are dropped, and a failed one is not sent again`() throws {
    let connection = FakeConnection()
    connection.fail("record", .unreachable("down"))
    let reporter = StatusReporter(connection: connection, node: "one") { _ in }
    for number in 0..<1100 {
        reporter.record(PodEvent(reason: "Event\(number)", message: ""), of: pod("u1"))
    }
    try run(reporter) { connection.events.wait(count: 999).count == 999 }
    #expect(connection.events.entries.map(\.reason) == (101..<1100).map { "Event\($0)" })
}
