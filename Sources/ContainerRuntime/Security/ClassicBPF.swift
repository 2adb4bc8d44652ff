/// One instruction of classic BPF, `struct sock_filter`: see seccomp(2) and Documentation/networking/filter.rst.
struct FilterInstruction: Hashable {
    /// What to do.
    var code: UInt16
    /// How many instructions to skip when the test of a jump holds.
    var jumpTrue: UInt8 = 0
    /// How many instructions to skip when it does not.
    var jumpFalse: UInt8 = 0
    /// The operand.
    var operand: UInt32

    /// Loads a word of `struct seccomp_data` into the accumulator.
    static func load(_ field: SeccompField) -> FilterInstruction {
        FilterInstruction(code: 0x20, operand: field.offset)
    }

    /// Ends the filter with an action.
    static func result(_ action: SeccompAction) -> FilterInstruction {
        FilterInstruction(code: 0x06, operand: action.value)
    }

    /// Skips instructions when the accumulator equals a value, others when it does not.
    static func ifEqual(_ value: UInt32, skip: Int, otherwise: Int = 0) -> FilterInstruction {
        FilterInstruction(code: 0x15, jumpTrue: UInt8(skip), jumpFalse: UInt8(otherwise), operand: value)
    }

    /// Skips instructions when the accumulator is greater than a value, others when it is not.
    static func ifGreater(_ value: UInt32, skip: Int, otherwise: Int = 0) -> FilterInstruction {
        FilterInstruction(code: 0x25, jumpTrue: UInt8(skip), jumpFalse: UInt8(otherwise), operand: value)
    }

    /// Skips any number of instructions.
    static func jump(_ count: Int) -> FilterInstruction {
        FilterInstruction(code: 0x05, operand: UInt32(count))
    }

    /// The instruction as the kernel reads it, in the machine's byte order.
    var bytes: [UInt8] {
        withUnsafeBytes(of: code, Array.init) + [jumpTrue, jumpFalse] + withUnsafeBytes(of: operand, Array.init)
    }
}

/// What a filter can look at: `struct seccomp_data`.
enum SeccompField {
    /// The number of the system call.
    case number
    /// The architecture whose numbers apply, as an `AUDIT_ARCH_` value.
    case architecture
    /// The lower 32 bits of an argument.
    case argumentLow(Int)

    var offset: UInt32 {
        switch self {
        case .number: 0
        case .architecture: 4
        case .argumentLow(let index):
            // The architectures that Martlet runs on are little-endian.
            UInt32(16 + 8 * index)
        }
    }
}

/// What a filter decides: the `SECCOMP_RET_` values.
enum SeccompAction: Hashable {
    /// The call is made.
    case allow
    /// The call is not made and fails with an error number.
    case fail(Int32)
    /// The process is killed.
    case killProcess

    var value: UInt32 {
        switch self {
        case .allow: 0x7FFF_0000
        case .fail(let code): 0x0005_0000 | UInt32(code) & 0xFFFF
        case .killProcess: 0x8000_0000
        }
    }
}
