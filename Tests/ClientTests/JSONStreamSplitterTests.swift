import Testing

@testable import Client

struct JSONStreamSplitterTests {
    static let documents = [
        #"{}"#, #"{"a":"}{\"\\"}"#, #"{"a":[{"b":[1,2]},"]"]}"#,
        #"{"long":"\#(String(repeating: "é\\n", count: 50))"}"#,
    ]

    @Test(arguments: ["", "\n", " \r\n\t"], 1...17)
    func `objects come out whole however the bytes are cut`(separator: String, size: Int) throws {
        var splitter = JSONStreamSplitter()
        var rest = Array(Self.documents.map { separator + $0 }.joined().utf8)[...]
        var found: [String] = []
        while !rest.isEmpty {
            found += try splitter.append(rest.prefix(size)).map { String(decoding: $0, as: UTF8.self) }
            rest = rest.dropFirst(size)
        }
        #expect(found == Self.documents)
    }

    @Test(arguments: ["[]", "1", "{}x", "<html>"])
    func `what is no object is refused`(text: String) {
        var splitter = JSONStreamSplitter()
        #expect(throws: JSONStreamSplitter.Failure.self) { try splitter.append(text.utf8) }
    }

    @Test func `an object without end is refused`() {
        var splitter = JSONStreamSplitter(maximumObjectBytes: 100)
        #expect(throws: JSONStreamSplitter.Failure.self) {
            _ = try splitter.append("{\"a\":\"".utf8)
            for _ in 0..<100 { _ = try splitter.append("xx".utf8) }
        }
    }
}

struct UpgradeAnswerTests {
    @Test func `chunks are joined`() {
        let body = "4\r\nWiki\r\n6;x=y\r\npedia \r\nA\r\n0123456789\r\n0\r\n\r\n"
        #expect(String(decoding: UpgradeAnswer.unchunked(Array(body.utf8)), as: UTF8.self) == "Wikipedia 0123456789")
    }

    @Test func `a head ends at the empty line and what follows is kept`() throws {
        let bytes = Array("HTTP/1.1 101 Switching Protocols\r\nA-B: c d\r\n\r\nrest".utf8)
        let (answer, rest) = try #require(UpgradeAnswer.parse(head: bytes))
        #expect(answer.status == 101 && answer.headers == ["a-b": "c d"])
        #expect(Array(rest) == Array("rest".utf8))
        #expect(UpgradeAnswer.parse(head: Array(bytes.prefix(40))) == nil)
    }
}
