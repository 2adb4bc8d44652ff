import TestSupport
import Testing
import Wire

struct WebSocketCodecTests {
    /// All events of some bytes.
    static func events(
        _ bytes: [UInt8], role: WebSocketRole, limit: Int = 1 << 20
    ) throws(WebSocketError) -> [WebSocketEvent] {
        var decoder = WebSocketDecoder(role: role, maximumMessageBytes: limit)
        decoder.append(bytes)
        var events: [WebSocketEvent] = []
        while let event = try decoder.next() { events.append(event) }
        return events
    }

    static let hello: WebSocketEvent = .message(Array("Hello".utf8), isText: true)

    @Test func `the examples of RFC 6455 chapter 5 are understood`() throws {
        let plain: [UInt8] = [0x81, 0x05, 0x48, 0x65, 0x6c, 0x6c, 0x6f]
        #expect(try Self.events(plain, role: .client) == [Self.hello])
        let masked: [UInt8] = [0x81, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58]
        #expect(try Self.events(masked, role: .server) == [Self.hello])
        let fragmented: [UInt8] = [0x01, 0x03, 0x48, 0x65, 0x6c, 0x80, 0x02, 0x6c, 0x6f]
        #expect(try Self.events(fragmented, role: .client) == [Self.hello])
        let ping: [UInt8] = [0x89, 0x05, 0x48, 0x65, 0x6c, 0x6c, 0x6f]
        #expect(try Self.events(ping, role: .client) == [.ping(Array("Hello".utf8))])
        let pong: [UInt8] = [0x8a, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58]
        #expect(try Self.events(pong, role: .server) == [.pong(Array("Hello".utf8))])
    }

    @Test func `the examples of RFC 6455 chapter 5 are written`() {
        let hello = WebSocketFrame(.text, Array("Hello".utf8))
        #expect(hello.encoded(maskingKey: nil) == [0x81, 0x05, 0x48, 0x65, 0x6c, 0x6c, 0x6f])
        #expect(
            hello.encoded(maskingKey: 0x37fa_213d)
                == [0x81, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58])
        let medium = WebSocketFrame(.binary, [UInt8](repeating: 0, count: 256)).encoded(maskingKey: nil)
        #expect(Array(medium.prefix(4)) == [0x82, 0x7E, 0x01, 0x00])
        let long = WebSocketFrame(.binary, [UInt8](repeating: 0, count: 65536)).encoded(maskingKey: nil)
        #expect(Array(long.prefix(10)) == [0x82, 0x7F, 0, 0, 0, 0, 0, 1, 0, 0])
    }

    /// What breaks the protocol towards a client, and the close code that answers it.
    static let violations: [(bytes: [UInt8], code: UInt16)] = [
        ([0x81, 0x85, 0, 0, 0, 0], 1002),  // a server that masks
        ([0xC1, 0x00], 1002), ([0xA1, 0x00], 1002), ([0x91, 0x00], 1002),  // reserved bits
        ([0x83, 0x00], 1002), ([0x8B, 0x00], 1002),  // reserved opcodes
        ([0x09, 0x00], 1002), ([0x89, 0x7E], 1002),  // a control frame in fragments, and one too long
        ([0x80, 0x00], 1002), ([0x01, 0x00, 0x81, 0x00], 1002),  // fragments out of order
        ([0x82, 0x7E, 0x00, 0x7D], 1002), ([0x82, 0x7F, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF], 1002),  // lengths too long
        ([0x82, 0x7F, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF], 1009), ([0x82, 0x7E, 0x04, 0x01], 1009),
        ([0x81, 0x01, 0xFF], 1007), ([0x88, 0x03, 0x03, 0xE8, 0xFF], 1007),  // no UTF-8
        ([0x88, 0x01, 0x03], 1002), ([0x88, 0x02, 0x03, 0xED], 1002), ([0x88, 0x02, 0x03, 0xE7], 1002),  // close codes
    ]

    @Test(arguments: violations)
    func `what breaks the protocol is refused with its close code`(bytes: [UInt8], code: UInt16) {
        let error = #expect(throws: WebSocketError.self) { try Self.events(bytes, role: .client, limit: 1024) }
        #expect(error?.code == code)
    }

    @Test func `a server refuses a client that does not mask`() {
        let error = #expect(throws: WebSocketError.self) { try Self.events([0x81, 0x00], role: .server) }
        #expect(error?.message == "a client's frame is not masked")
    }

    @Test func `fragments count together against the limit`() {
        let part = [UInt8](repeating: 1, count: 600)
        let bytes =
            WebSocketFrame(.binary, part, isFinal: false).encoded(maskingKey: nil)
            + WebSocketFrame(.continuation, part).encoded(maskingKey: nil)
        let error = #expect(throws: WebSocketError.self) { try Self.events(bytes, role: .client, limit: 1024) }
        #expect(error?.code == WebSocketCloseCode.tooLong)
    }

    @Test func `a control frame may come between fragments, also when they fill the limit`() throws {
        let bytes =
            WebSocketFrame(.binary, [1, 2, 3], isFinal: false).encoded(maskingKey: nil)
            + WebSocketFrame(.ping, [9]).encoded(maskingKey: nil)
            + WebSocketFrame(.continuation, []).encoded(maskingKey: nil)
        #expect(
            try Self.events(bytes, role: .client, limit: 3) == [.ping([9]), .message([1, 2, 3], isText: false)])
    }

    @Test func `a close frame keeps its code and as much of its reason as fits`() throws {
        let reason = String(repeating: "é", count: 100)
        let bytes = WebSocketFrame.close(code: 1011, reason: reason).encoded(maskingKey: 7)
        #expect(
            try Self.events(bytes, role: .server) == [.close(code: 1011, reason: String(repeating: "é", count: 61))])
        #expect(try Self.events([0x88, 0x00], role: .client) == [.close(code: nil, reason: "")])
    }

    @Test(arguments: 0..<100)
    func `the same frames come out however the bytes are cut`(seed: UInt64) throws {
        var random = SplitMix64(seed: seed)
        let role: WebSocketRole = Bool.random(using: &random) ? .server : .client
        var bytes: [UInt8] = []
        var expected: [WebSocketEvent] = []
        for _ in 0..<Int.random(in: 1...12, using: &random) {
            let (frames, event) = Self.randomMessage(&random)
            expected += event
            for frame in frames {
                let key = role == .server ? UInt32.random(in: 0...UInt32.max, using: &random) : nil
                bytes += frame.encoded(maskingKey: key)
            }
        }
        var decoder = WebSocketDecoder(role: role)
        var events: [WebSocketEvent] = []
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = Int.random(
                in: 1...(rest.count < 1000 && Bool.random(using: &random) ? 3 : rest.count), using: &random)
            decoder.append(rest.prefix(count))
            rest = rest.dropFirst(count)
            while let event = try decoder.next() { events.append(event) }
        }
        #expect(events == expected)
    }

    /// A message in fragments with pings between them, and the events it makes.
    static func randomMessage(_ random: inout SplitMix64) -> ([WebSocketFrame], [WebSocketEvent]) {
        let size = [0, 1, 125, 126, 127, 300, 65535, 65536][Int(random.next() % (random.next() % 20 == 0 ? 8 : 6))]
        let start = UInt8.random(in: 0...127, using: &random)
        let payload = (0..<size).map { (start &+ UInt8(truncatingIfNeeded: $0)) & 127 }
        let opcode: WebSocketOpcode = Bool.random(using: &random) ? .text : .binary
        var frames: [WebSocketFrame] = []
        var events: [WebSocketEvent] = []
        var rest = payload[...]
        repeat {
            let part = rest.prefix(Int.random(in: 0...rest.count, using: &random))
            rest = rest.dropFirst(part.count)
            frames.append(
                WebSocketFrame(frames.isEmpty ? opcode : .continuation, Array(part), isFinal: rest.isEmpty))
            if frames.last?.isFinal == false, Bool.random(using: &random) {
                frames.append(WebSocketFrame(.ping, [1, 2]))
                events.append(.ping([1, 2]))
            }
        } while !rest.isEmpty
        return (frames, events + [.message(payload, isText: opcode == .text)])
    }

    @Test(arguments: 0..<500)
    func `no bytes make the decoder do anything but throw or wait`(seed: UInt64) {
        var random = SplitMix64(seed: seed &* 977)
        var decoder = WebSocketDecoder(role: .client, maximumMessageBytes: 256)
        do throws(WebSocketError) {
            for _ in 0..<50 {
                decoder.append((0..<8).map { _ in UInt8.random(in: 0...255, using: &random) & 0x9F })
                while let event = try decoder.next() {
                    if case .message(let bytes, _) = event { #expect(bytes.count <= 256) }
                }
            }
        } catch {
            #expect([1002, 1007, 1009].contains(error.code))
        }
    }
}
