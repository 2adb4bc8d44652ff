import CLinux
import Glibc

/// Waits for many descriptors at once with epoll(7) and calls what is registered for those that are ready. For one
/// thread.
public final class EventLoop {
    /// Names a registration; never used twice.
    public typealias Token = UInt64

    private struct Registration {
        var descriptor: Int32
        var handler: (UInt32) -> Void
    }

    private let epoll: Int32
    private var registrations: [Token: Registration] = [:]
    private var lastToken: Token = 0

    /// Makes a loop without registrations.
    public init() throws(LinuxError) {
        epoll = try systemCall("epoll_create1") { epoll_create1(Int32(EPOLL_CLOEXEC)) }
    }

    deinit { close(epoll) }

    /// What to wait for.
    public enum Interest: Sendable {
        /// Until there is something to read, or the other side has gone.
        case reading
        /// Until there is room to write, or the other side has gone.
        case writing

        var events: UInt32 {
            switch self {
            case .reading: EPOLLIN.rawValue | EPOLLRDHUP.rawValue
            case .writing: EPOLLOUT.rawValue
            }
        }
    }

    /// Has a handler called with the epoll events of a descriptor, for as long as there are any.
    public func add(
        _ descriptor: Int32, _ interest: Interest = .reading, _ handler: @escaping (UInt32) -> Void
    ) throws(LinuxError) -> Token {
        lastToken += 1
        var event = epoll_event(events: interest.events, data: epoll_data_t(u64: lastToken))
        try systemCall("epoll_ctl") { epoll_ctl(epoll, EPOLL_CTL_ADD, descriptor, &event) }
        registrations[lastToken] = Registration(descriptor: descriptor, handler: handler)
        return lastToken
    }

    /// Changes what is waited for.
    public func change(_ token: Token, _ interest: Interest) throws(LinuxError) {
        guard let registration = registrations[token] else { return }
        var event = epoll_event(events: interest.events, data: epoll_data_t(u64: token))
        try systemCall("epoll_ctl") { epoll_ctl(epoll, EPOLL_CTL_MOD, registration.descriptor, &event) }
    }

    /// Ends a registration, before its descriptor is closed. Its handler is not called again, even for events that are
    /// here already.
    public func remove(_ token: Token) {
        guard let registration = registrations.removeValue(forKey: token) else { return }
        var event = epoll_event()
        epoll_ctl(epoll, EPOLL_CTL_DEL, registration.descriptor, &event)
    }

    /// Waits once and calls the handlers of what is ready.
    ///
    /// - Parameter milliseconds: How long to wait at most; forever when negative.
    /// - Returns: How many descriptors were ready.
    @discardableResult
    public func turn(milliseconds: Int32 = -1) throws(LinuxError) -> Int {
        var events = [epoll_event](repeating: epoll_event(), count: 64)
        let count = try systemCall("epoll_wait") {
            epoll_wait(epoll, &events, Int32(events.count), milliseconds)
        }
        for event in events[..<Int(count)] { registrations[event.data.u64]?.handler(event.events) }
        return Int(count)
    }
}
