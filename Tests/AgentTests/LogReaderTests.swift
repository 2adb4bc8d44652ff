import Glibc
import Linux
import Model
import Testing
import Threads
import Wire

@testable import Agent

/// A sink that remembers, and closes after so many writes.
private final class RecordingSink: PodLogSink {
    private let content = Monitor<(bytes: [UInt8], writesLeft: Int)>(([], 0))

    init(closesAfter writes: Int = .max) { content.change { $0.writesLeft = writes } }

    func write(_ bytes: [UInt8]) -> Bool {
        content.change {
            $0.bytes += bytes
            $0.writesLeft -= 1
            return $0.writesLeft > 0
        }
    }

    var isOpen: Bool { content.change { $0.writesLeft > 0 } }
    var text: String { content.change { String(decoding: $0.bytes, as: UTF8.self) } }
}

/// An entry of a log at a second of a minute.
private func entry(_ second: Int, _ text: String, _ tag: String = "F") -> String {
    "\(time(second)) stdout \(tag) \(text)\n"
}

private func time(_ second: Int) -> String { "2026-11-20T12:00:\(second < 10 ? "0" : "")\(second).000000000Z" }

private func append(_ text: String, to path: String) throws {
    let file = try Descriptor(opening: path, flags: O_WRONLY | O_CREAT | O_APPEND, mode: 0o600)
    try writeAll(file.raw, Array(text.utf8), path: path)
}

/// Renames a log's files as its writer does.
private func rotate(_ log: String, files: Int) {
    for index in stride(from: files, to: 1, by: -1) { rename("\(log).\(index - 1)", "\(log).\(index)") }
    rename(log, "\(log).1")
}

/// Reads a log that is given as its files, the oldest first.
private func read(
    _ files: [String], closesAfter writes: Int = .max, _ build: (inout PodLogRequest) -> Void = { _ in }
) throws -> String {
    try withTemporaryFolder { folder in
        for (index, text) in files.reversed().enumerated() {
            try append(text, to: index == 0 ? "\(folder)/0.log" : "\(folder)/0.log.\(index)")
        }
        var request = PodLogRequest(podUID: "u1", container: "web")
        build(&request)
        let sink = RecordingSink(closesAfter: writes)
        var reader = LogReader(path: "\(folder)/0.log", request: request, sink: sink) { false }
        try reader.run()
        return sink.text
    }
}

/// A sink for which another line is written with each that it takes, and which has enough after a hundred.
private final class BusySink: PodLogSink {
    private let log: String
    private let count = Monitor(0)

    init(_ log: String) { self.log = log }

    func write(_ bytes: [UInt8]) -> Bool {
        try? append(entry(9, "more"), to: log)
        return count.change { count in
            count += 1
            return count < 100
        }
    }

    var isOpen: Bool { writes < 100 }
    var writes: Int { count.change { $0 } }
}

@Test func `a log that is not followed ends where it ended when it was asked for, however fast it grows`() throws {
    try withTemporaryFolder { folder in
        let log = "\(folder)/0.log"
        for (name, text) in [("\(log).1", entry(1, "a")), (log, entry(2, "b"))] { try append(text, to: name) }
        let sink = BusySink(log)
        var reader = LogReader(
            path: log, request: PodLogRequest(podUID: "u1", container: "web"), sink: sink, isLive: { true })
        try reader.run()
        #expect(sink.writes == 2)
    }
}

private let three = [entry(1, "a") + entry(2, "b"), entry(3, "c") + entry(4, "d"), entry(5, "e")]

private let tails: [(Int?, String)] = [
    (nil, "a\nb\nc\nd\ne\n"), (0, ""), (1, "e\n"), (2, "d\ne\n"), (3, "c\nd\ne\n"), (4, "b\nc\nd\ne\n"),
    (5, "a\nb\nc\nd\ne\n"), (99, "a\nb\nc\nd\ne\n"),
]

@Test(arguments: tails)
func `the last lines are counted over rotated files`(tail: Int?, text: String) throws {
    #expect(try read(three) { $0.tailLines = tail } == text)
}

@Test(arguments: [nil, 0, 3] as [Int?])
func `an empty log is empty`(tail: Int?) throws {
    #expect(try read([""]) { $0.tailLines = tail } == "")
}

@Test func `a log that was rotated and not yet begun anew is read`() throws {
    try withTemporaryFolder { folder in
        try append(entry(1, "a"), to: "\(folder)/0.log.1")
        for tail in [nil, 1] {
            var request = PodLogRequest(podUID: "u1", container: "web")
            request.tailLines = tail
            let sink = RecordingSink()
            var reader = LogReader(path: "\(folder)/0.log", request: request, sink: sink) { false }
            try reader.run()
            #expect(sink.text == "a\n")
        }
    }
}

@Test func `a log that is not there is an error that names it`() throws {
    var reader = LogReader(
        path: "/tmp/martlet-test-agent-none/0.log", request: PodLogRequest(podUID: "u1", container: "web"),
        sink: RecordingSink()
    ) { false }
    let error = #expect(throws: LinuxError.self) { try reader.run() }
    #expect(error?.path == "/tmp/martlet-test-agent-none/0.log")
}

@Test(arguments: [(1, "aaabbbccc\n"), (2, "x\naaabbbccc\n")])
func `a line in pieces is one line`(tail: Int, text: String) throws {
    let log = entry(1, "x") + entry(2, "aaa", "P") + entry(2, "bbb", "P") + entry(3, "ccc")
    #expect(try read([log]) { $0.tailLines = tail } == text)
}

@Test(arguments: [(1, "z\n"), (2, "aaabbb\nz\n"), (3, "x\naaabbb\nz\n")])
func `a line whose pieces lie in two files is one line`(tail: Int, text: String) throws {
    let files = [entry(1, "x") + entry(2, "aaa", "P"), entry(3, "bbb") + entry(4, "z")]
    #expect(try read(files) { $0.tailLines = tail } == text)
}

@Test(arguments: [1, 2]) func `a line longer than the blocks that are read is whole`(tail: Int) throws {
    let piece = String(repeating: "0123456789abcdef", count: 1024)
    let long = (0..<12).map { _ in entry(2, piece, "P") }.joined() + entry(2, "end")
    let text = try read([entry(1, "x") + long]) { $0.tailLines = tail }
    let line = String(repeating: piece, count: 12) + "end\n"
    #expect(text == (tail == 1 ? line : "x\n" + line), "\(text.utf8.count) bytes of \(line.utf8.count)")
}

@Test func `many lines over many blocks are counted`() throws {
    let lines = (0..<5000).map { "line number \($0)" }
    let log = lines.map { entry(1, $0) }.joined()
    for tail in [1, 999, 4999, 5000] {
        let text = try read([log]) { $0.tailLines = tail }
        #expect(text.split(separator: "\n").map(String.init) == lines.suffix(tail))
    }
}

@Test func `an entry without its end is not sent and not counted`() throws {
    let log = entry(1, "a") + "2026-11-20T12:00:02.000000000Z stdout F half"
    #expect(try read([log]) == "a\n")
    #expect(try read([log]) { $0.tailLines = 1 } == "a\n")
}

@Test func `lines before a moment are left out, and a line's pieces go with its first`() throws {
    let moment = try #require(Timestamp(time(3))).nanoseconds
    #expect(try read(three) { $0.since = moment } == "c\nd\ne\n")
    let pieces = [entry(2, "aa", "P") + entry(4, "bb") + entry(5, "c")]
    #expect(try read(pieces) { $0.since = moment } == "c\n")
}

@Test func `a line has its time once`() throws {
    let log = entry(1, "a") + entry(2, "bb", "P") + entry(3, "cc") + entry(4, "")
    let expected = "\(time(1)) a\n\(time(2)) bbcc\n\(time(4)) \n"
    #expect(try read([log]) { $0.timestamps = true } == expected)
}

@Test(arguments: [(0, ""), (1, "a"), (3, "a\nb"), (9, "a\nb\nc\nd\ne"), (100, "a\nb\nc\nd\ne\n")])
func `a limit ends the log amid a line`(limit: Int, text: String) throws {
    #expect(try read(three) { $0.limitBytes = limit } == text)
}

@Test func `nothing is sent to a sink that has closed`() throws {
    #expect(try read(three, closesAfter: 1) == "a\nb\n")
    #expect(try read(three, closesAfter: 1) { $0.follow = true } == "a\nb\n")
}

@Test(arguments: ["", "no log line", "2026-11-20T12:00:00Z", "2026-11-20T12:00:00Z stdout", "today stdout F text"])
func `what is not in the format is no line`(text: String) {
    #expect(LogLine(Array(text.utf8)[...]) == nil)
}

/// Follows a log while a script goes on one step each time the reader asks whether the container lives.
private func follow(_ log: String, steps: [() throws -> Void]) throws -> String {
    var request = PodLogRequest(podUID: "u1", container: "web")
    request.follow = true
    let sink = RecordingSink()
    var next = 0
    var failure: (any Error)?
    var reader = LogReader(path: log, request: request, sink: sink) {
        guard next < steps.count else { return false }
        do { try steps[next]() } catch { failure = error }
        next += 1
        return next < steps.count
    }
    try reader.run()
    if let failure { throw failure }
    return sink.text
}

@Test func `a follower gets what is written until the container ends`() throws {
    try withTemporaryFolder { folder in
        let log = "\(folder)/0.log"
        try append(entry(1, "a"), to: log)
        let text = try follow(
            log, steps: [{}, { try append(entry(2, "b"), to: log) }, { try append(entry(3, "c"), to: log) }])
        #expect(text == "a\nb\nc\n")
    }
}

@Test func `a follower goes through rotated files in order`() throws {
    try withTemporaryFolder { folder in
        let log = "\(folder)/0.log"
        try append(entry(1, "a"), to: log)
        let text = try follow(
            log,
            steps: [
                {},
                {
                    try append(entry(2, "b"), to: log)
                    rotate(log, files: 5)
                    try append(entry(3, "c"), to: log)
                },
                {
                    for name in ["d", "e", "f"] {
                        rotate(log, files: 5)
                        try append(entry(4, name), to: log)
                    }
                },
                {},
            ])
        #expect(text == "a\nb\nc\nd\ne\nf\n")
    }
}

@Test func `a follower loses and repeats nothing while a writer rotates`() throws {
    try withTemporaryFolder { folder in
        let log = "\(folder)/0.log"
        try append(entry(0, "0"), to: log)
        let isLive = Monitor(true)
        let writer = try Thread {
            for number in 1...3000 {
                if number.isMultiple(of: 50) { rotate(log, files: 64) }
                try? append(entry(number % 60, "\(number)"), to: log)
            }
            isLive.change { $0 = false }
        }
        var request = PodLogRequest(podUID: "u1", container: "web")
        request.follow = true
        let sink = RecordingSink()
        var reader = LogReader(path: log, request: request, sink: sink) { isLive.change { $0 } }
        try reader.run()
        writer.join()
        #expect(sink.text.split(separator: "\n").compactMap { Int($0) } == Array(0...3000))
    }
}
