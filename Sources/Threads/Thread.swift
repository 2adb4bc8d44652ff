import Glibc

/// Why a thread could not be started (pthread_create(3)).
public struct ThreadError: Error, Sendable, Hashable, CustomStringConvertible {
    /// The error number: `EAGAIN` where the machine has no room for another thread.
    public let code: Int32

    /// The error in words.
    public var description: String { "cannot start a thread: \(String(cString: strerror(code)))" }
}

/// A thread that runs a closure to its end.
///
/// Unchecked because `pthread_t` is a pointer on some systems; it is only handed to pthread_join(3), which may be called
/// from any thread.
public final class Thread: @unchecked Sendable {
    private let handle: pthread_t

    /// Starts a thread that is to be joined.
    ///
    /// - Parameter stackBytes: how much stack it may use; the system's default when nil.
    public init(stackBytes: Int? = nil, _ body: @escaping @Sendable () -> Void) throws(ThreadError) {
        handle = try Self.start(body, stackBytes: stackBytes, isDetached: false)
    }

    /// Waits for the end of the closure; called once.
    public func join() { pthread_join(handle, nil) }

    /// Starts a thread that nobody waits for.
    ///
    /// - Parameter stackBytes: how much stack it may use; the system's default when nil.
    public static func detach(
        stackBytes: Int? = nil, _ body: @escaping @Sendable () -> Void
    ) throws(ThreadError) {
        _ = try start(body, stackBytes: stackBytes, isDetached: true)
    }

    private static func start(
        _ body: @escaping @Sendable () -> Void, stackBytes: Int?, isDetached: Bool
    ) throws(ThreadError) -> pthread_t {
        var attributes = pthread_attr_t()
        pthread_attr_init(&attributes)
        defer { pthread_attr_destroy(&attributes) }
        if isDetached { pthread_attr_setdetachstate(&attributes, Int32(PTHREAD_CREATE_DETACHED)) }
        if let stackBytes { pthread_attr_setstacksize(&attributes, stackBytes) }
        var handle = pthread_t()
        let box = Unmanaged.passRetained(ThreadBody(body))
        let code = pthread_create(&handle, &attributes, runBody, box.toOpaque())
        guard code == 0 else {
            box.release()
            throw ThreadError(code: code)
        }
        return handle
    }
}

private final class ThreadBody: Sendable {
    let run: @Sendable () -> Void
    init(_ run: @escaping @Sendable () -> Void) { self.run = run }
}

private func runBody(_ argument: UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? {
    if let argument { Unmanaged<ThreadBody>.fromOpaque(argument).takeRetainedValue().run() }
    return nil
}
