import CLinux
import Glibc

/// The device controller of v2, which has no control files: a program that the kernel runs on each use of a device node,
/// see "Device controller" in cgroup-v2.rst. It returns 1 to allow and 0 to refuse.
enum DeviceProgram {
    /// Compiles rules and attaches the program to a v2 cgroup's directory, in place of the one attached before.
    static func attach(_ rules: [CgroupDeviceRule], directory: String) throws(LinuxError) {
        let program = instructions(for: rules)
        let loaded = Descriptor(
            owning: try systemCall("load device program", path: directory) {
                linux_bpf_load_cgroup_device(program, UInt32(program.count))
            })
        let cgroup = try Descriptor(opening: directory, flags: O_RDONLY | O_DIRECTORY)
        try systemCall("attach device program", path: directory) {
            linux_bpf_attach_cgroup_device(cgroup.raw, loaded.raw)
        }
    }

    /// The program for rules: the first that matches allows, no match refuses.
    static func instructions(for rules: [CgroupDeviceRule]) -> [UInt64] {
        // struct bpf_cgroup_dev_ctx: access << 16 | type, major, minor, each 32 bits.
        var program: [UInt64] = [
            load(into: kind, offset: 0), operate(and, kind, 0xFFFF),
            load(into: access, offset: 0), operate(shiftRight, access, 16),
            load(into: major, offset: 4),
            load(into: minor, offset: 8),
        ]
        for rule in rules { program += instructions(for: rule) }
        return program + verdict(0)
    }

    private static func instructions(for rule: CgroupDeviceRule) -> [UInt64] {
        var program = [jumpUnless(kind, equals: rule.kind == .block ? 1 : 2)]
        let allowed: UInt32 = (rule.makeNode ? 1 : 0) | (rule.read ? 2 : 0) | (rule.write ? 4 : 0)
        if allowed != 7 {
            program += [move(to: scratch, from: access), operate(and, scratch, allowed)]
            program += [jumpUnless(scratch, equalsRegister: access)]
        }
        if let number = rule.major { program.append(jumpUnless(major, equals: number)) }
        if let number = rule.minor { program.append(jumpUnless(minor, equals: number)) }
        program += verdict(1)
        // A test that fails jumps behind the rule.
        for index in program.indices where isJump(program[index]) {
            program[index] |= UInt64(program.count - index - 1) << 16
        }
        return program
    }

    // Registers: the context is in r1, which is free once the fields are loaded.
    private static let scratch: UInt64 = 1
    private static let kind: UInt64 = 2
    private static let access: UInt64 = 3
    private static let major: UInt64 = 4
    private static let minor: UInt64 = 5

    // Instruction set: Documentation/bpf/standardization/instruction-set.rst. From the lowest bits: 8 of opcode, 4 of
    // destination, 4 of source, 16 of offset, 32 of immediate value.
    private static let and: UInt64 = 0x54
    private static let shiftRight: UInt64 = 0x74

    private static func encode(
        _ opcode: UInt64, to: UInt64 = 0, from: UInt64 = 0, offset: Int = 0, value: UInt32 = 0
    ) -> UInt64 {
        opcode | to << 8 | from << 12 | UInt64(UInt16(truncatingIfNeeded: offset)) << 16 | UInt64(value) << 32
    }

    private static func load(into register: UInt64, offset: Int) -> UInt64 {
        encode(0x61, to: register, from: 1, offset: offset)
    }

    private static func operate(_ operation: UInt64, _ register: UInt64, _ value: UInt32) -> UInt64 {
        encode(operation, to: register, value: value)
    }

    private static func move(to register: UInt64, from source: UInt64) -> UInt64 {
        encode(0xBC, to: register, from: source)
    }

    private static func jumpUnless(_ register: UInt64, equals value: UInt32) -> UInt64 {
        encode(0x55, to: register, value: value)
    }

    private static func jumpUnless(_ register: UInt64, equalsRegister other: UInt64) -> UInt64 {
        encode(0x5D, to: register, from: other)
    }

    private static func isJump(_ instruction: UInt64) -> Bool {
        [0x55, 0x5D].contains(instruction & 0xFF)
    }

    private static func verdict(_ value: UInt32) -> [UInt64] {
        [encode(0xB4, to: 0, value: value), encode(0x95)]
    }
}
