import CSeccomp
import Glibc
import Linux

/// A filter that tells of system calls before they are made, and the descriptor on which it tells: seccomp_unotify(2).
///
/// By the bare calls: libseccomp makes one such filter for each process, and a test needs one for each thread.
enum CallListener {
    /// Installs the filter on the calling thread and, by inheritance, on all that it starts.
    static func install(_ calls: [FallibleCall]) throws(LinuxError) -> Int32 {
        var program = [load]
        for (index, call) in calls.enumerated() {
            program.append(jump(ifEqual: UInt32(bitPattern: call.number), over: calls.count - index))
        }
        program += [answer(SCMP_ACT_ALLOW), answer(UInt32(SCMP_ACT_NOTIFY))]
        let count = UInt16(program.count)
        return try program.withUnsafeMutableBufferPointer { (buffer) throws(LinuxError) in
            // As root no privileges have to be renounced for a filter, and the programs under test are to have theirs.
            var filter = Filter(count: count, instructions: buffer.baseAddress)
            let descriptor = withUnsafeMutablePointer(to: &filter) { filter in
                bare(number("seccomp"), 1, 8, Int(bitPattern: filter), 0)  // A filter, with a new listener.
            }
            guard descriptor >= 0 else { throw LinuxError.last("seccomp") }
            return Int32(descriptor)
        }
    }

    /// Takes the next call off a listener; nil when whoever made it has gone.
    static func receive(_ listener: Int32) -> seccomp_notif? {
        var request = seccomp_notif()
        let code = withUnsafeMutablePointer(to: &request) { request in
            bare(number("ioctl"), Int(listener), 0xC050_2100, Int(bitPattern: request), 0)
        }
        return code == 0 ? request : nil
    }

    /// Answers a call: with an error number, or 0 for it to be made.
    static func answer(_ listener: Int32, _ request: seccomp_notif, error: Int32) {
        var response = seccomp_notif_resp()
        response.id = request.id
        response.error = -error
        response.flags = error == 0 ? 1 : 0
        _ = withUnsafeMutablePointer(to: &response) { response in
            bare(number("ioctl"), Int(listener), 0xC018_2101, Int(bitPattern: response), 0)
        }
    }

    /// `struct sock_fprog`.
    private struct Filter {
        var count: UInt16
        var instructions: UnsafeMutablePointer<UInt64>?
    }

    // Classic BPF (linux/filter.h): 16 bits of code, 8 of each jump, 32 of value, from the lowest.
    private static let load: UInt64 = 0x20
    private static func jump(ifEqual number: UInt32, over count: Int) -> UInt64 {
        0x15 | UInt64(count) << 16 | UInt64(number) << 32
    }
    private static func answer(_ action: UInt32) -> UInt64 { 0x06 | UInt64(action) << 32 }

    private static func number(_ name: String) -> Int { Int(seccomp_syscall_resolve_name(name)) }

    /// syscall(2), which Swift cannot call because its arguments are variable; the machine passes these like fixed ones.
    private static let bare: @convention(c) (Int, Int, Int, Int, Int) -> Int = {
        guard let address = dlsym(nil, "syscall") else { preconditionFailure("libc has no syscall()") }
        return unsafeBitCast(address, to: (@convention(c) (Int, Int, Int, Int, Int) -> Int).self)
    }()
}
