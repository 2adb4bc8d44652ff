import Glibc

/// Starts a thread that nobody joins.
///
/// - Throws: `EAGAIN` when the machine has no room for another one.
public func startThread(_ body: @escaping @Sendable () -> Void) throws(LinuxError) {
    let box = Unmanaged.passRetained(ThreadBody(body))
    var thread = pthread_t()
    let code = pthread_create(
        &thread, nil,
        { argument in
            guard let argument else { return nil }
            Unmanaged<ThreadBody>.fromOpaque(argument).takeRetainedValue().body()
            return nil
        }, box.toOpaque())
    guard code == 0 else {
        box.release()
        throw LinuxError("pthread_create", errno: code)
    }
    pthread_detach(thread)
}

private final class ThreadBody: Sendable {
    let body: @Sendable () -> Void
    init(_ body: @escaping @Sendable () -> Void) { self.body = body }
}
