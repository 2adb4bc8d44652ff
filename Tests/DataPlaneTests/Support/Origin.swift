import CLinux
import Glibc
import Linux
import Model
import Threads

/// A tiny HTTP server on loopback that answers with its name, and as it is told.
final class Origin: Sendable {
    /// How it answers.
    enum Manner: Sendable, Hashable {
        /// 200 and the name.
        case well
        /// A status without a body.
        case status(Int)
        /// It closes the connection without an answer.
        case closing
        /// It holds requests until it is told another manner, and then answers 200.
        case holding
    }
    private struct State {
        var manner = Manner.well
        var requests = 0
        var accepted = 0
        var waiting = 0
        var lastRequest = ""
        var connections: Set<Int32> = []
        var threads: [Thread] = []
        var isOver = false
    }
    let name: String
    let port: Int
    private let listener: Int32
    private let state = Monitor(State())
    private let accepting = Monitor<Thread?>(nil)

    init(_ name: String) throws {
        self.name = name
        listener = try systemCall("socket") {
            socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        }
        var address = Self.address(0)
        var size = socklen_t(MemoryLayout<sockaddr_in>.size)
        let descriptor = listener
        try withUnsafeMutablePointer(to: &address) { pointer in
            try pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { pointer in
                try systemCall("bind") { bind(descriptor, pointer, size) }
                try systemCall("listen") { listen(descriptor, 512) }
                try systemCall("getsockname") { getsockname(descriptor, pointer, &size) }
            }
        }
        port = Int(address.sin_port.bigEndian)
        let thread = try Thread { [self] in accept() }
        accepting.change { $0 = thread }
    }

    /// An address and port of loopback: 127.0.0.1, or another host.
    static func address(_ port: Int, host: UInt8 = 1) -> sockaddr_in {
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = in_port_t(port).bigEndian
        address.sin_addr.s_addr = in_addr_t(0x7F00_0000 + UInt32(host)).bigEndian
        return address
    }

    var manner: Manner {
        get { state.change { $0.manner } }
        set { state.change { $0.manner = newValue } }
    }
    /// How many requests have come.
    var requests: Int { state.change { $0.requests } }
    /// How many connections were made to it.
    var accepted: Int { state.change { $0.accepted } }
    /// The head of the last request.
    var lastRequest: String { state.change { $0.lastRequest } }
    /// Waits until so many requests are held.
    func awaitHeld(_ count: Int) -> Bool {
        state.wait(atMost: .seconds(20)) { $0.waiting >= count ? true : nil } ?? false
    }

    /// Ends at once, as a pod that is killed.
    func stop() {
        let threads = state.change { state in
            state.isOver = true
            for connection in state.connections { shutdown(connection, Int32(SHUT_RDWR)) }
            defer { state.threads = [] }
            return state.threads
        }
        shutdown(listener, Int32(SHUT_RDWR))
        let thread = accepting.change { thread in
            defer { thread = nil }
            return thread
        }
        guard let thread else { return }
        thread.join()
        for thread in threads { thread.join() }
        close(listener)
    }

    private func accept() {
        while true {
            let connection = Glibc.accept(listener, nil, nil)
            guard connection >= 0 else { return }
            let thread = try? Thread(stackBytes: 256 << 10) { [self] in
                serve(connection)
                state.change { _ = $0.connections.remove(connection) }
                close(connection)
            }
            let isOver = state.change { state in
                state.connections.insert(connection)
                state.accepted += 1
                if let thread { state.threads.append(thread) }
                return state.isOver
            }
            if isOver { shutdown(connection, Int32(SHUT_RDWR)) }
        }
    }

    private func serve(_ connection: Int32) {
        while let head = HTTP.readHead(connection) {
            let manner = state.change { state in
                state.requests += 1
                state.lastRequest = head
                return state.manner
            }
            if head.contains("upgrade: websocket") || head.contains("Upgrade: websocket") {
                _ = HTTP.send(connection, Self.upgrade)
                continue
            }
            guard answer(connection, manner) else { return }
        }
    }

    /// The answer of RFC 6455, section 1.3, to the key that the test's client sends.
    private static let upgrade =
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        + "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n"

    private func answer(_ connection: Int32, _ manner: Manner) -> Bool {
        switch manner {
        case .well:
            return HTTP.send(connection, "HTTP/1.1 200 OK\r\nContent-Length: \(name.utf8.count)\r\n\r\n\(name)")
        case .status(let status): return HTTP.send(connection, "HTTP/1.1 \(status) X\r\nContent-Length: 0\r\n\r\n")
        case .closing: return false
        case .holding:
            state.change { $0.waiting += 1 }
            let next = state.wait { state -> Manner? in
                if state.isOver { return .closing }
                return state.manner == .holding ? nil : .well
            }
            state.change { $0.waiting -= 1 }
            return answer(connection, next ?? .closing)
        }
    }
}

/// As much HTTP as the tests need.
enum HTTP {
    /// An answer.
    struct Answer: Hashable {
        var status: Int
        var head: String
        var body: String
    }

    static func send(_ connection: Int32, _ text: String) -> Bool {
        let bytes = Array(text.utf8)
        return Glibc.send(connection, bytes, bytes.count, Int32(MSG_NOSIGNAL)) == bytes.count
    }

    /// Reads to the empty line; nil when the other side has gone.
    static func readHead(_ connection: Int32) -> String? {
        var bytes: [UInt8] = []
        var byte: UInt8 = 0
        while !bytes.suffix(4).elementsEqual([13, 10, 13, 10]) {
            guard recv(connection, &byte, 1, 0) == 1 else { return nil }
            bytes.append(byte)
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// Connects to a port of loopback, from 127.0.0.`host`; nil when nobody listens.
    static func connect(_ port: Int, from host: UInt8 = 1) -> Int32? {
        let connection = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        var address = Origin.address(port)
        var limit = timeval(tv_sec: 30, tv_usec: 0)
        setsockopt(connection, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
        var source = Origin.address(0, host: host)
        _ = withUnsafePointer(to: &source) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(connection, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        let code = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                Glibc.connect(connection, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        if code == 0 { return connection }
        close(connection)
        return nil
    }

    /// Makes a request on a connection.
    static func request(
        on connection: Int32, _ path: String = "/", method: String = "GET", headers: [String] = ["Host: test"]
    ) -> Answer? {
        let text = (["\(method) \(path) HTTP/1.1"] + headers).joined(separator: "\r\n") + "\r\n\r\n"
        guard send(connection, text), let head = readHead(connection) else { return nil }
        let words = head.split(separator: " ")
        guard words.count > 1, let status = Int(words[1]) else { return nil }
        let line = head.lowercased().split(separator: "\r\n").first { $0.hasPrefix("content-length:") }
        let length = line.flatMap { Int($0.split(separator: ":")[1].drop { $0 == " " }) } ?? 0
        var body = [UInt8](repeating: 0, count: length)
        var count = 0
        while count < length {
            let got = body.withUnsafeMutableBytes {
                recv(connection, $0.baseAddress?.advanced(by: count), length - count, 0)
            }
            guard got > 0 else { return nil }
            count += got
        }
        return Answer(status: status, head: head, body: String(decoding: body, as: UTF8.self))
    }

    /// Makes one request on a connection of its own.
    static func get(
        _ port: Int, _ path: String = "/", method: String = "GET", headers: [String] = ["Host: test"],
        from host: UInt8 = 1
    ) -> Answer? {
        guard let connection = connect(port, from: host) else { return nil }
        defer { close(connection) }
        return request(on: connection, path, method: method, headers: headers)
    }
}
