import CLinux
import Glibc

/// One thread that serves all connections (epoll(7)).
struct Server {
    private struct Delayed {
        var due: Int64
        var descriptor: Int32
        /// Which connection it was: descriptors are used again.
        var serial: Int
    }

    private let listener: Int32
    private let epoll: Int32
    private var connections: [Connection?] = []
    private var serial = 0
    /// Answers that are to be given later, the next one last.
    private var delayed: [Delayed] = []
    private var isStopping = false

    /// Listens; nil when the port cannot be had.
    init?(port: UInt16) {
        listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_NONBLOCK.rawValue), 0)
        var one: Int32 = 1
        setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, socklen_t(MemoryLayout<Int32>.size))
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        let descriptor = listener
        let code = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        guard code == 0, listen(listener, 1024) == 0 else { return nil }
        epoll = epoll_create1(0)
        watch(listener)
    }

    /// Serves until SIGTERM, and then until nothing is left to answer.
    mutating func run() {
        var events = [epoll_event](repeating: epoll_event(), count: 256)
        var none = sigset_t()
        sigemptyset(&none)
        while !(isStopping && delayed.isEmpty) {
            let count = epoll_pwait(epoll, &events, Int32(events.count), milliseconds, &none)
            if count < 0, errno == EINTR { stop() }
            for event in events[..<Int(max(0, count))] {
                if event.data.fd == listener { accept() } else { receive(event.data.fd) }
            }
            answerDelayed()
        }
    }

    /// Takes no more connections, and ends those that are idle.
    private mutating func stop() {
        isStopping = true
        close(listener)
        let busy = Set(delayed.map(\.descriptor))
        for case let connection? in connections where !busy.contains(connection.descriptor) {
            // What has come already is answered.
            receive(connection.descriptor)
            if !delayed.contains(where: { $0.descriptor == connection.descriptor }) { drop(connection.descriptor) }
        }
    }

    private var milliseconds: Int32 {
        delayed.last.map { Int32(clamping: max(0, ($0.due - Self.now + 999_999) / 1_000_000)) } ?? -1
    }

    private static var now: Int64 {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
    }

    private func watch(_ descriptor: Int32) {
        var event = epoll_event(events: EPOLLIN.rawValue, data: epoll_data_t(fd: descriptor))
        epoll_ctl(epoll, EPOLL_CTL_ADD, descriptor, &event)
    }

    private mutating func accept() {
        while true {
            let descriptor = linux_accept(listener)
            guard descriptor >= 0 else { return }
            var one: Int32 = 1
            setsockopt(descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, &one, socklen_t(MemoryLayout<Int32>.size))
            while connections.count <= Int(descriptor) { connections.append(nil) }
            serial += 1
            connections[Int(descriptor)] = Connection(descriptor: descriptor, serial: serial)
            watch(descriptor)
        }
    }

    private mutating func receive(_ descriptor: Int32) {
        guard var connection = connections[Int(descriptor)] else { return }
        connections[Int(descriptor)] = nil
        let isOpen = connection.receive()
        while let delay = connection.next() {
            if delay == 0 {
                connection.answer(closing: isStopping)
            } else {
                let entry = Delayed(
                    due: Self.now + Int64(delay) * 1_000_000, descriptor: descriptor, serial: connection.serial)
                let place = delayed.firstIndex { $0.due <= entry.due } ?? delayed.count
                delayed.insert(entry, at: place)
            }
        }
        connections[Int(descriptor)] = connection
        if !isOpen { drop(descriptor) }
    }

    private mutating func answerDelayed() {
        while let next = delayed.last, next.due <= Self.now {
            delayed.removeLast()
            guard let connection = connections[Int(next.descriptor)], connection.serial == next.serial else { continue }
            connection.answer(closing: isStopping)
            if isStopping { drop(next.descriptor) }
        }
    }

    private mutating func drop(_ descriptor: Int32) {
        connections[Int(descriptor)] = nil
        close(descriptor)
    }
}
