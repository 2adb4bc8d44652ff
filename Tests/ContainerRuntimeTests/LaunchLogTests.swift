import Glibc
import Linux
import Model
import Testing

@testable import Supervision

@Suite struct LaunchLogTests {
    private let time = Timestamp(nanoseconds: 1_795_176_000_000_000_000)

    private func text(_ bytes: [UInt8]) -> String { String(decoding: bytes, as: UTF8.self) }

    @Test func `lines are entries of their own, however they come`() {
        var formatter = LogFormatter(stream: "stdout")
        let stamp = time.preciseDescription
        #expect(stamp.count == 30)
        #expect(text(formatter.entries(for: Array("a\nb".utf8)[...], at: time)) == "\(stamp) stdout F a\n")
        #expect(
            text(formatter.entries(for: Array("c\n\n".utf8)[...], at: time))
                == "\(stamp) stdout F bc\n\(stamp) stdout F \n")
        #expect(formatter.finish(at: time).isEmpty)
        #expect(formatter.entries(for: Array("end".utf8)[...], at: time).isEmpty)
        #expect(text(formatter.finish(at: time)) == "\(stamp) stdout P end\n")
    }

    @Test func `lines longer than 16 KiB are cut and come together again`() {
        var formatter = LogFormatter(stream: "stderr")
        let line = (0..<40_000).map { UInt8(ascii: "a") + UInt8($0 % 26) }
        var entries: [UInt8] = []
        for start in stride(from: 0, to: line.count, by: 7000) {
            entries += formatter.entries(for: line[start..<min(start + 7000, line.count)], at: time)
        }
        entries += formatter.entries(for: [0x0A], at: time)
        let prefix = "\(time.preciseDescription) stderr ".utf8.count + 2
        let parts = entries.split(separator: 0x0A)
        #expect(parts.map { $0.count - prefix } == [16384, 16384, 40_000 - 32768])
        #expect(parts.map { $0[$0.startIndex + prefix - 2] } == Array("PPF".utf8))
        #expect(parts.flatMap { $0.dropFirst(prefix) } == line)
    }

    @Test(arguments: [1, 2, 3])
    func `files are rotated by size and the oldest removed`(files: Int) throws {
        let directory = "/tmp/martlet-test-log-\(getpid())-\(files)"
        defer { try? removeTree(directory) }
        let path = "\(directory)/web.log"
        let log = try LogWriter(LogTarget(path: path, maximumBytes: 20, maximumFiles: files))
        for index in 0..<10 { log.write(Array("entry \(index)\n".utf8)) }  // Two fit into a file.
        let names = ["web.log"] + (1..<max(files, 1)).map { "web.log.\($0)" }
        #expect(try listDirectory(directory) == names.sorted())
        #expect(try readText(path) == "entry 8\nentry 9\n")
        if files > 1 { #expect(try readText("\(path).1") == "entry 6\nentry 7\n") }
        #expect(log.dropped == 0)
    }

    @Test func `a log that is there is continued`() throws {
        let directory = "/tmp/martlet-test-log-\(getpid())-again"
        defer { try? removeTree(directory) }
        let target = LogTarget(path: "\(directory)/a/web.log", maximumBytes: 1000, maximumFiles: 3)
        for entry in ["one\n", "two\n"] { try LogWriter(target).write(Array(entry.utf8)) }
        #expect(try readText(target.path) == "one\ntwo\n")
    }
}
