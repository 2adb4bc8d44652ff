import CCap
import Glibc
import Linux
import Synchronization

/// The filter of system calls that containers run under.
///
/// What is not allowed fails with `EPERM`, so that programs take it for a missing privilege; `clone3`, whose flags a
/// filter cannot see, and calls newer than the filter fail with `ENOSYS`, so that they fall back to what they did
/// before.
public enum SeccompProfile {
    /// A program, in the two forms in which it is needed.
    private struct Filter {
        var bytes: [UInt8]
        var hexadecimal: String
    }

    private static let cache = Mutex<[UInt64: Filter]>([:])

    /// The capabilities that change the filter.
    private static let relevant = CapabilitySet(
        mask: SystemCallTable.unlocked.reduce(0) { $0 | 1 << UInt64($1.capability) })

    /// The default filter for a container with these capabilities: an array of `struct sock_filter`, for
    /// `SECCOMP_SET_MODE_FILTER`. Compiled once for each set of capabilities that matters, in some 10 ms; may be called
    /// from any thread.
    ///
    /// - Throws: `system` when libseccomp refuses a rule or memory is short.
    public static func defaultFilter(capabilities: CapabilitySet) throws(RuntimeError) -> [UInt8] {
        try filter(capabilities).bytes
    }

    /// The same program as hexadecimal bytes, as plans carry it.
    static func hexadecimalFilter(capabilities: CapabilitySet) throws(RuntimeError) -> String {
        try filter(capabilities).hexadecimal
    }

    private static func filter(_ capabilities: CapabilitySet) throws(RuntimeError) -> Filter {
        let capabilities = capabilities.intersection(relevant)
        // Compiled under the lock: pods that start together share one compilation.
        let result: Result<Filter, RuntimeError> = cache.withLock { filters in
            if let filter = filters[capabilities.mask] { return .success(filter) }
            return Result { () throws(RuntimeError) in
                let bytes = try compile(capabilities)
                let filter = Filter(bytes: bytes, hexadecimal: bytes.hexadecimal)
                filters[capabilities.mask] = filter
                return filter
            }
        }
        return try result.get()
    }

    private static func compile(_ capabilities: CapabilitySet) throws(RuntimeError) -> [UInt8] {
        let compiler = try SeccompCompiler()
        for name in allowedNames(capabilities) { try compiler.add(name, .allow) }
        // Which families are refused is decided before: see `SeccompPrologue`.
        try compiler.add("socket", .allow)
        for value in allowedPersonalities { try compiler.add("personality", .allow, .equal(argument: 0, value)) }
        if !capabilities.contains(CAP_SYS_ADMIN) {
            try compiler.add("clone", .allow, .masked(argument: 0, mask: namespaceFlags, value: 0))
            try compiler.add("clone3", .fail(ENOSYS))
        }
        return SeccompPrologue.instructions.flatMap(\.bytes) + (try compiler.export())
    }

    /// The calls that are allowed whatever their arguments, with some capabilities.
    static func allowedNames(_ capabilities: CapabilitySet) -> [String] {
        let unlocked = SystemCallTable.unlocked.filter { capabilities.contains($0.capability) }.flatMap(\.names)
        return Set(SystemCallTable.allowed + unlocked).sorted()
    }

    /// `personality(2)` values that are harmless: Linux, Linux with `UNAME26`, 32 bits (each plain), and the query.
    static let allowedPersonalities: [UInt64] = [0x0, 0x8, 0x20000, 0x20008, 0xFFFF_FFFF]

    /// The flags of clone(2) that make a namespace: mount, cgroup, uts, ipc, user, pid and net.
    static let namespaceFlags: UInt64 = 0x7E02_0000
}
