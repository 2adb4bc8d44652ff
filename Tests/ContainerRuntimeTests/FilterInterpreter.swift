@testable import ContainerRuntime

/// Runs a classic BPF program as the kernel does on a system call: Documentation/networking/filter.rst and
/// Documentation/userspace-api/seccomp_filter.rst.
struct FilterInterpreter {
    /// Why a program is not valid.
    struct Fault: Error, Hashable {
        var reason: String
    }

    private let program: [FilterInstruction]

    /// Decodes an array of `struct sock_filter`.
    init(_ bytes: [UInt8]) throws {
        guard !bytes.isEmpty, bytes.count.isMultiple(of: 8), bytes.count / 8 <= 4096 else {
            throw Fault(reason: "the kernel takes 1 to 4096 instructions of 8 bytes")
        }
        program = stride(from: 0, to: bytes.count, by: 8).map { start in
            let code = UInt16(bytes[start]) | UInt16(bytes[start + 1]) << 8
            let operand = (4..<8).reduce(UInt32(0)) { $0 | UInt32(bytes[start + $1]) << UInt32(8 * ($1 - 4)) }
            return FilterInstruction(
                code: code, jumpTrue: bytes[start + 2], jumpFalse: bytes[start + 3], operand: operand)
        }
    }

    /// How many instructions the program has.
    var count: Int { program.count }

    /// The action for a system call.
    func run(architecture: UInt32, number: UInt32, arguments: [UInt64] = []) throws -> SeccompAction {
        let data = words(architecture: architecture, number: number, arguments: arguments)
        var accumulator: UInt32 = 0
        var counter = 0
        while counter < program.count {
            let instruction = program[counter]
            counter += 1
            switch instruction.code {
            case 0x20:
                guard instruction.operand.isMultiple(of: 4), instruction.operand < 64 else {
                    throw Fault(reason: "load of \(instruction.operand)")
                }
                accumulator = data[Int(instruction.operand / 4)]
            case 0x54: accumulator &= instruction.operand
            case 0x05: counter += Int(instruction.operand)
            case 0x15: counter += skip(instruction, accumulator == instruction.operand)
            case 0x25: counter += skip(instruction, accumulator > instruction.operand)
            case 0x35: counter += skip(instruction, accumulator >= instruction.operand)
            case 0x45: counter += skip(instruction, accumulator & instruction.operand != 0)
            case 0x06: return try action(instruction.operand)
            default: throw Fault(reason: "instruction \(instruction.code)")
            }
        }
        throw Fault(reason: "ran over the end")
    }

    private func skip(_ instruction: FilterInstruction, _ holds: Bool) -> Int {
        Int(holds ? instruction.jumpTrue : instruction.jumpFalse)
    }

    private func words(architecture: UInt32, number: UInt32, arguments: [UInt64]) -> [UInt32] {
        let padded = (arguments + [0, 0, 0, 0, 0, 0]).prefix(6)
        let split = padded.flatMap { [UInt32(truncatingIfNeeded: $0), UInt32($0 >> 32)] }
        return [number, architecture, 0, 0] + split
    }

    private func action(_ value: UInt32) throws -> SeccompAction {
        switch value & 0xFFFF_0000 {
        case 0x7FFF_0000: .allow
        case 0x0005_0000: .fail(Int32(value & 0xFFFF))
        case 0x8000_0000: .killProcess
        default: throw Fault(reason: "action \(value)")
        }
    }
}
