import Glibc

/// The beginning of the filter, which decides what libseccomp's rules cannot, and passes everything else on:
///
/// - A call with a number beyond those that libseccomp knows fails with `ENOSYS`, not with the default `EPERM`: the C
///   library then does without it.
/// - `socket` for `AF_ALG` and `AF_VSOCK` fails. Only the lower 32 bits of the family are looked at, because the kernel
///   looks at no more; a rule of libseccomp compares all 64.
/// - The 32-bit x86 `socketcall` makes no sockets: its arguments are in memory, where a filter cannot see the family.
enum SeccompPrologue {
    /// `AF_ALG`, the kernel's crypto: the page cache could be written through it. `AF_VSOCK`, to the hypervisor.
    static let refusedFamilies: [UInt32] = [38, 40]

    /// The instructions, worked out once: which numbers libseccomp knows takes a while to find.
    static let instructions: [FilterInstruction] = NumberSpace.all().flatMap(instructions(for:))

    private static func instructions(for space: NumberSpace) -> [FilterInstruction] {
        var checks: [[FilterInstruction]] = []
        if let number = space.architecture.number(of: "socket") {
            let families = refusedFamilies.enumerated().map { index, family in
                FilterInstruction.ifEqual(family, skip: refusedFamilies.count - index)
            }
            // A family that is not refused goes on behind the failure.
            let body = [.load(.argumentLow(0))] + families + [.jump(1), .result(.fail(EPERM))]
            checks.append(whenNumber(number, body))
        }
        if let number = space.socketcall {
            checks.append(
                whenNumber(number, [.load(.argumentLow(0)), .ifEqual(1, skip: 0, otherwise: 1), .result(.fail(EPERM))]))
        }
        let unknown: [FilterInstruction] = [
            .load(.number), .ifGreater(space.last, skip: 0, otherwise: 2), .ifGreater(space.end, skip: 1),
            .result(.fail(ENOSYS)),
        ]
        let body = unknown + checks.joined()
        let guardFirst: [FilterInstruction] =
            space.first == 0 ? [] : [.load(.number), .ifGreater(space.first - 1, skip: 0, otherwise: body.count)]
        let whole = guardFirst + body
        return [.load(.architecture), .ifEqual(space.audit, skip: 1), .jump(whole.count)] + whole
    }

    /// Runs instructions only for one system call.
    private static func whenNumber(_ number: UInt32, _ body: [FilterInstruction]) -> [FilterInstruction] {
        [.load(.number), .ifEqual(number, skip: 0, otherwise: body.count)] + body
    }
}

/// A range of system call numbers under one `AUDIT_ARCH_` value.
private struct NumberSpace {
    var architecture: SeccompArchitecture
    /// The value that the kernel reports.
    var audit: UInt32
    /// The first number, the last one that libseccomp knows, and the last one of the range.
    var first: UInt32
    var last: UInt32
    var end: UInt32
    /// The number of `socketcall`, where there is one.
    var socketcall: UInt32?

    static func all() -> [NumberSpace] {
        #if arch(arm64)
            // ARM's own calls start at 0x0F0000.
            [space(.native, end: .max), space(.arm, end: 0x000E_FFFF)]
        #else
            // x32 is reported as x86-64, and told by this bit of the number.
            [
                space(.native, end: 0x3FFF_FFFF), space(.x86, end: .max),
                space(.x32, audit: SeccompArchitecture.native.token, end: .max),
            ]
        #endif
    }

    private static func space(
        _ architecture: SeccompArchitecture, audit: UInt32? = nil, end: UInt32
    ) -> NumberSpace {
        let first = architecture.numbers.lowerBound
        let last = architecture.numbers.last { architecture.name(of: $0) != nil } ?? first
        return NumberSpace(
            architecture: architecture, audit: audit ?? architecture.token, first: first, last: last, end: end,
            socketcall: architecture.number(of: "socketcall"))
    }
}
