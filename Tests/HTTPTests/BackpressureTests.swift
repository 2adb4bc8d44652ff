import Client
import HTTP
import Synchronization
import Testing

/// Writers that are faster than the readers of what they write.
@Suite struct BackpressureTests {
    private static let mark = 1 << 20
    private static let chunk = [UInt8]((0..<(256 << 10)).map { UInt8(truncatingIfNeeded: $0 / 256) })

    /// Writes chunks whenever there is room for them and reports the most that was ever queued.
    private struct Writer {
        let stream: any HTTPStream
        /// Told whenever there was no room.
        let full: Signal<Bool>
        let largestBacklog: Signal<Int>

        func write(chunks: Int) {
            var largest = 0
            for _ in 0..<chunks {
                largest = max(largest, stream.backlogBytes)
                if stream.backlogBytes >= mark { full.send(true) }
                guard stream.waitForRoom(below: mark), stream.write(chunk) else { break }
            }
            largestBacklog.send(largest)
            stream.finish()
        }
    }

    @Test func `two hundred megabytes reach a client that reads slowly`() throws {
        let full = Signal<Bool>()
        let largestBacklog = Signal<Int>()
        let threads = Mutex<[TestThread]>([])
        let test = try TestServer { _, responder in
            let writer = Writer(
                stream: responder.stream(status: 200, headers: []), full: full, largestBacklog: largestBacklog)
            threads.withLock { $0.append(TestThread { writer.write(chunks: 800) }) }
        }
        var received = 0
        var isRight = true
        var pauses = 0
        try test.client().stream("GET", "/") { bytes in
            // Ten times, until the writer has nowhere to go.
            if received >= pauses * (20 << 20), pauses < 10 {
                pauses += 1
                isRight = isRight && full.wait(count: pauses).count >= pauses
            }
            isRight = isRight && bytes.first == UInt8(truncatingIfNeeded: received % Self.chunk.count / 256)
            received += bytes.count
            return true
        }
        for thread in threads.withLock({ $0 }) { thread.join() }
        #expect(received == 800 * Self.chunk.count)
        #expect(isRight)
        #expect(try #require(largestBacklog.wait()) < Self.mark + Self.chunk.count)
    }

    @Test func `a client that has stopped reading is cut off, and frees who waits for it`() throws {
        let closed = Signal<Bool>()
        let largestBacklog = Signal<Int>()
        let threads = Mutex<[TestThread]>([])
        let test = try TestServer {
            $0.idleTimeoutSeconds = 1
        } handler: { _, responder in
            let stream = responder.stream(status: 200, headers: [])
            stream.onClose { closed.send(true) }
            let writer = Writer(stream: stream, full: Signal(), largestBacklog: largestBacklog)
            threads.withLock { $0.append(TestThread { writer.write(chunks: .max) }) }
        }
        let client = try test.client()
        #expect(throws: ClientError.self) { try client.stream("GET", "/") { _ in closed.wait() ?? false } }
        for thread in threads.withLock({ $0 }) { thread.join() }
        #expect(try #require(largestBacklog.wait()) < Self.mark + Self.chunk.count)
    }

    @Test func `whoever asks for room after the end is told at once`() throws {
        let streams = Signal<any HTTPStream>()
        let closed = Signal<Bool>()
        let test = try TestServer { _, responder in
            let stream = responder.stream(status: 200, headers: [])
            stream.onClose { closed.send(true) }
            stream.finish()
            streams.send(stream)
        }
        try test.client().stream("GET", "/") { _ in true }
        let stream = try #require(streams.wait())
        #expect(closed.wait() == true)
        #expect(!stream.waitForRoom(below: 1))
        let told = Signal<Bool>()
        stream.whenRoom(below: 1) { told.send(true) }
        #expect(told.wait() == true)
    }
}
