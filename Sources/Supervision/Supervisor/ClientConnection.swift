import Glibc
import Linux

/// A client of the supervisor. Neither a client that sends nonsense nor one that stops reading disturbs the others: it
/// is cut off.
final class ClientConnection {
    /// How much may wait to be sent before a client counts as one that does not read.
    private static let mostWaiting = 1 << 20

    private struct Outgoing {
        var bytes: ArraySlice<UInt8>
        var descriptors: [Int32]
    }

    private let descriptor: Int32
    private let loop: EventLoop
    private var token: EventLoop.Token?
    private var incoming: [UInt8] = []
    private var received: [Int32] = []
    private var outgoing: [Outgoing] = []
    /// How many bytes are in `outgoing`.
    private var waiting = 0
    private let handle: (ClientConnection, SupervisorRequest, [Int32]) -> Void
    private let ended: (ClientConnection) -> Void
    /// Whether it wants to be told of containers that end.
    var isSubscriber = false

    /// Takes over a connection.
    init(
        _ descriptor: Int32, loop: EventLoop, handle: @escaping (ClientConnection, SupervisorRequest, [Int32]) -> Void,
        ended: @escaping (ClientConnection) -> Void
    ) throws(LinuxError) {
        self.descriptor = descriptor
        self.loop = loop
        self.handle = handle
        self.ended = ended
        token = try loop.add(descriptor) { [weak self] _ in self?.proceed() }
    }

    deinit {
        for descriptor in received + outgoing.flatMap(\.descriptors) { close(descriptor) }
        close(descriptor)
    }

    private func proceed() {
        do {
            try flush()
            try read()
        } catch  where error.errno == EAGAIN {
            return
        } catch {
            stop()
        }
    }

    private func read() throws(LinuxError) {
        let (bytes, descriptors) = try FrameSocket.receive(descriptor)
        received += descriptors
        incoming += bytes
        if bytes.isEmpty || received.count > Frame.maximumDescriptors { return stop() }
        while token != nil, let frame = try Frame.take(from: &incoming) {
            let request: SupervisorRequest = try Frame.decode(frame)
            let descriptors = received
            received = []
            handle(self, request, descriptors)
        }
    }

    /// Sends a message, with descriptors that are closed once they are sent.
    func send(_ reply: SupervisorReply, descriptors: [Int32] = []) {
        let frame = Frame.encode(reply)
        outgoing.append(Outgoing(bytes: frame[...], descriptors: descriptors))
        waiting += frame.count
        do {
            try flush()
        } catch  where error.errno == EAGAIN {
            if waiting > Self.mostWaiting { return stop() }
            // It is not listened to until it has read: there is no end to what it could ask.
            if let token { try? loop.change(token, .writing) }
        } catch {
            stop()
        }
    }

    private func flush() throws(LinuxError) {
        guard !outgoing.isEmpty else { return }
        while let first = outgoing.first {
            let sent = try FrameSocket.send(descriptor, first.bytes, descriptors: first.descriptors, wait: false)
            for descriptor in first.descriptors { close(descriptor) }
            outgoing[0].descriptors = []
            outgoing[0].bytes = first.bytes.dropFirst(sent)
            waiting -= sent
            if outgoing[0].bytes.isEmpty { outgoing.removeFirst() }
        }
        if let token { try loop.change(token, .reading) }
    }

    private func stop() {
        guard let token else { return }
        loop.remove(token)
        self.token = nil
        ended(self)
    }
}
