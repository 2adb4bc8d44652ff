import CLinux
import CSeccomp
import Glibc
import Linux

/// What an argument must be for a rule to apply. All 64 bits are compared.
enum SeccompCondition {
    case equal(argument: UInt32, UInt64)
    case masked(argument: UInt32, mask: UInt64, value: UInt64)

    fileprivate var comparison: scmp_arg_cmp {
        switch self {
        case .equal(let argument, let value):
            scmp_arg_cmp(arg: argument, op: SCMP_CMP_EQ, datum_a: value, datum_b: 0)
        case .masked(let argument, let mask, let value):
            scmp_arg_cmp(arg: argument, op: SCMP_CMP_MASKED_EQ, datum_a: mask, datum_b: value)
        }
    }
}

/// An architecture whose system calls a program of this machine can make.
enum SeccompArchitecture: CaseIterable {
    #if arch(arm64)
        case native, arm
    #else
        case native, x86, x32
    #endif

    /// libseccomp's token for it.
    var token: UInt32 {
        #if arch(arm64)
            self == .native ? 0xC000_00B7 : 0x4000_0028
        #else
            switch self {
            case .native: 0xC000_003E
            case .x86: 0x4000_0003
            case .x32: 0x4000_003E
            }
        #endif
    }

    /// Where the numbers of its calls are. They are dense and far from the end: new ones are given out in ascending
    /// order.
    var numbers: Range<UInt32> {
        let first: UInt32 = token == 0x4000_003E ? 0x4000_0000 : 0
        return first..<first + 1024
    }

    /// The number of a call by its name; nil where the architecture or libseccomp does not know it.
    func number(of name: String) -> UInt32? {
        let number = seccomp_syscall_resolve_name_arch(token, name)
        if number >= 0 { return UInt32(number) }
        // Negative numbers stand for calls of other architectures; on 32-bit x86 also for those that `socketcall` and
        // `ipc` make, which have got numbers of their own since.
        return number == -1 ? nil : numbers.first { self.name(of: $0) == name }
    }

    /// The name of a call by its number; nil where libseccomp knows none.
    func name(of number: UInt32) -> String? {
        guard let text = seccomp_syscall_resolve_num_arch(token, Int32(bitPattern: number)) else { return nil }
        defer { free(text) }
        return String(cString: text)
    }
}

/// A filter in the making, for all architectures of this machine. Refuses what no rule allows.
final class SeccompCompiler {
    private let context: scmp_filter_ctx

    init() throws(RuntimeError) {
        guard let context = seccomp_init(SeccompAction.fail(EPERM).value) else {
            throw RuntimeError(.system, "no memory for a seccomp filter")
        }
        self.context = context
        for architecture in SeccompArchitecture.allCases where architecture != .native {
            try Self.check(seccomp_arch_add(context, architecture.token), "architecture")
        }
        try Self.check(
            seccomp_attr_set(context, SCMP_FLTATR_ACT_BADARCH, SeccompAction.killProcess.value), "bad architecture")
        // 2: a binary tree instead of a list of tests.
        try Self.check(seccomp_attr_set(context, SCMP_FLTATR_CTL_OPTIMIZE, 2), "optimization")
    }

    deinit { seccomp_release(context) }

    /// Adds a rule for a call on every architecture that has it; a name that libseccomp does not know is skipped.
    func add(_ name: String, _ action: SeccompAction, _ condition: SeccompCondition? = nil) throws(RuntimeError) {
        let number = seccomp_syscall_resolve_name(name)
        if number == -1 { return }
        let comparisons = condition.map { [$0.comparison] } ?? []
        try Self.check(
            seccomp_rule_add_array(context, action.value, number, UInt32(comparisons.count), comparisons), name)
    }

    /// The filter as an array of `struct sock_filter`.
    func export() throws(RuntimeError) -> [UInt8] {
        do {
            let file = Descriptor(owning: try systemCall("memfd_create") { linux_memfd_create("seccomp") })
            try Self.check(seccomp_export_bpf(context, file.raw), "export")
            try systemCall("lseek", path: "seccomp filter") { lseek(file.raw, 0, SEEK_SET) }
            return try readAll(file.raw, path: "seccomp filter", limit: 1 << 20)
        } catch let error as LinuxError {
            throw RuntimeError(.system, error.description)
        } catch {
            throw RuntimeError(.system, "\(error)")
        }
    }

    private static func check(_ code: Int32, _ subject: String) throws(RuntimeError) {
        guard code < 0 else { return }
        throw RuntimeError(.system, LinuxError("seccomp rule", path: subject, errno: -code).description)
    }
}
