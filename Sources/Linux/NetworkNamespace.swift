import CLinux
import Glibc

/// A network namespace: see network_namespaces(7). It exists as long as a process or a descriptor holds it.
public struct NetworkNamespace: ~Copyable, Sendable {
    /// The file that names the namespace: `/proc/PID/ns/net`.
    public let path: String
    private let descriptor: Descriptor

    /// Holds on to the namespace that a file names.
    public init(path: String) throws(LinuxError) {
        self.path = path
        descriptor = try Descriptor(opening: path, flags: O_RDONLY)
    }

    /// The descriptor, valid as long as this value lives.
    public var raw: Int32 { descriptor.raw }

    /// Runs a function inside, on a thread of its own that ends there, and waits for it. A socket that it opens stays in
    /// this namespace; files under `/proc/sys/net` are this namespace's.
    public func run<Value: Sendable>(
        _ body: @escaping @Sendable () throws(LinuxError) -> Value
    ) throws(LinuxError) -> Value {
        let visit = Visit(body: body)
        let context = Unmanaged.passUnretained(visit).toOpaque()
        try systemCall("setns", path: path) {
            linux_run_in_namespace(
                descriptor.raw, linux_clone_newnet,
                { $0.map { Unmanaged<AnyVisit>.fromOpaque($0).takeUnretainedValue().run() } },
                context)
        }
        guard let result = withExtendedLifetime(visit, { visit.result }) else {
            throw LinuxError("setns", path: path, errno: ECANCELED)
        }
        return try result.get()
    }
}

/// What runs on the other thread. The thread that waits reads the result after the other has ended.
private class AnyVisit {
    func run() {}
}

private final class Visit<Value: Sendable>: AnyVisit {
    private let body: @Sendable () throws(LinuxError) -> Value
    private(set) var result: Result<Value, LinuxError>?

    init(body: @escaping @Sendable () throws(LinuxError) -> Value) { self.body = body }

    override func run() {
        do {
            result = .success(try body())
        } catch {
            result = .failure(error)
        }
    }
}
