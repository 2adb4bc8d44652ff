import Glibc
import Linux
import Testing

@testable import Commands

/// Runs a test's body with a path at which there is nothing yet.
private func withNewPath(_ body: (String) throws -> Void) throws {
    let path = "/tmp/martlet-test-installation-\(getpid())-\(UInt32.random(in: 0...UInt32.max))"
    defer { try? removeTree(path) }
    try body(path)
}

@Test func `a data directory is made for its owner alone`() throws {
    try withNewPath { path in
        try Installation(data: path).prepareData()
        try Installation(data: path).prepareData()
        var status = stat()
        #expect(lstat(path, &status) == 0 && status.st_mode & 0o777 == 0o711)
    }
}

@Test func `a data directory that others may write to is refused`() throws {
    try withNewPath { path in
        try makeDirectories(path)
        chmod(path, 0o777)
        let failure = #expect(throws: CommandFailure.self) { try Installation(data: path).prepareData() }
        #expect(failure?.message.contains("chmod go-w \(path)") == true)
    }
}

@Test(.enabled(if: geteuid() == 0)) func `a data directory of another user is refused`() throws {
    try withNewPath { path in
        try makeDirectories(path)
        #expect(chown(path, 1234, 0) == 0)
        let failure = #expect(throws: CommandFailure.self) { try Installation(data: path).prepareData() }
        #expect(failure?.message.contains("\(path) belongs to user 1234") == true)
    }
}
