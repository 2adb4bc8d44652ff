internal import CMicroHTTPD
internal import Glibc
import Synchronization
internal import Threads

/// Notices clients that hang up while their stream has nothing to say: the daemon does not look at the socket of a
/// suspended connection. One thread waits on one epoll(7) instance.
final class HangupWatch: Sendable {
    /// One socket being watched. Descriptors are used again, tickets are not.
    struct Ticket {
        let descriptor: Int32
        let number: UInt64
    }

    private struct State {
        var lastTicket: UInt64 = 0
        var streams: [UInt64: StreamBody] = [:]
        var thread: Thread?
    }

    private let epoll: Int32
    private let wake: Int32
    private let state = Mutex(State())

    init() throws(HTTPServerError) {
        epoll = epoll_create1(Int32(EPOLL_CLOEXEC))
        wake = eventfd(0, Int32(EFD_CLOEXEC))
        // Ticket 0 is the wake-up.
        var event = epoll_event(events: EPOLLIN.rawValue, data: epoll_data_t(u64: 0))
        guard epoll >= 0, wake >= 0, epoll_ctl(epoll, EPOLL_CTL_ADD, wake, &event) == 0 else {
            throw HTTPServerError.system("cannot watch for clients that hang up")
        }
    }

    deinit {
        close(epoll)
        close(wake)
    }

    /// Starts the thread; it keeps this object alive until `stop`.
    func start() throws(HTTPServerError) {
        do {
            let thread = try Thread { self.run() }
            state.withLock { $0.thread = thread }
        } catch {
            throw HTTPServerError.system("\(error)")
        }
    }

    /// Ends the thread; nothing is noticed afterwards.
    func stop() {
        let thread = state.withLock { state in
            defer { state.thread = nil }
            return state.thread
        }
        guard let thread else { return }
        var one: UInt64 = 1
        // Fails only when the counter is full, and then the thread wakes up as well.
        _ = write(wake, &one, MemoryLayout<UInt64>.size)
        thread.join()
    }

    /// Cuts a stream off when its client hangs up.
    func watch(_ descriptor: Int32, _ stream: StreamBody) -> Ticket {
        state.withLock { state in
            state.lastTicket += 1
            state.streams[state.lastTicket] = stream
            let events = EPOLLRDHUP.rawValue | EPOLLONESHOT.rawValue
            var event = epoll_event(events: events, data: epoll_data_t(u64: state.lastTicket))
            // Should that fail, the next write notices.
            epoll_ctl(epoll, EPOLL_CTL_ADD, descriptor, &event)
            return Ticket(descriptor: descriptor, number: state.lastTicket)
        }
    }

    /// Stops watching a socket that is about to be closed or used for the next request.
    func forget(_ ticket: Ticket) {
        let removed = state.withLock { state in
            epoll_ctl(epoll, EPOLL_CTL_DEL, ticket.descriptor, nil)
            return state.streams.removeValue(forKey: ticket.number)
        }
        withExtendedLifetime(removed) {}
    }

    private func run() {
        var events = [epoll_event](repeating: epoll_event(), count: 64)
        while true {
            let count = epoll_wait(epoll, &events, Int32(events.count), -1)
            guard count >= 0 || errno == EINTR else { return }
            for event in events.prefix(max(0, Int(count))) {
                let number = event.data.u64
                if number == 0 { return }
                state.withLock { $0.streams[number] }?.interrupt()
            }
        }
    }
}
