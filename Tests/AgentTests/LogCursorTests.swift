import Glibc
import Linux
import Testing

@testable import Agent

/// A log in a directory of its own.
private final class RotatedLog {
    let directory = "/tmp/martlet-test-cursor-\(getpid())-\(UInt32.random(in: 0...UInt32.max))"
    var path: String { "\(directory)/0.log" }

    init() throws { try makeDirectories(directory) }
    deinit { try? removeTree(directory) }

    func append(_ text: String) throws {
        let file = try Descriptor(opening: path, flags: O_WRONLY | O_CREAT | O_APPEND, mode: 0o600)
        try writeAll(file.raw, Array(text.utf8), path: path)
    }

    func rotate() {
        rename("\(path).1", "\(path).2")
        rename(path, "\(path).1")
    }
}

private func text(_ cursor: inout LogCursor) throws -> [String] {
    var lines: [String] = []
    while let next = try cursor.nextLines() { lines += next.map { String(decoding: $0, as: UTF8.self) } }
    return lines
}

@Test func `what was written between the last read and a rotation is read`() throws {
    let log = try RotatedLog()
    try log.append("one\n")
    var cursor = try LogCursor(path: log.path)
    defer { cursor.close() }
    #expect(try text(&cursor) == ["one"])
    try log.append("two\n")
    log.rotate()
    try log.append("three\n")
    var lines: [String] = []
    while try cursor.advanceToNewerFile(log.path) { lines += try text(&cursor) }
    #expect(lines == ["two", "three"])
}

@Test func `a cursor goes through every file that was begun since`() throws {
    let log = try RotatedLog()
    try log.append("one\n")
    var cursor = try LogCursor(path: log.path)
    defer { cursor.close() }
    #expect(try text(&cursor) == ["one"])
    for line in ["two\n", "three\n"] {
        log.rotate()
        try log.append(line)
    }
    var lines: [String] = []
    while try cursor.advanceToNewerFile(log.path) { lines += try text(&cursor) }
    #expect(lines == ["two", "three"])
}
