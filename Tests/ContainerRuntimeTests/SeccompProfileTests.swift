import CCap
import Glibc
import Testing

@testable import ContainerRuntime

@Suite struct SeccompProfileTests {
    private static let x86 = UInt32(0x4000_0003)
    private static let native = SeccompArchitecture.native.token

    private static let sets: [CapabilitySet] = [
        .none, .containerDefaults, [CAP_SYS_ADMIN], [CAP_SYS_PTRACE, CAP_SYS_NICE], [CAP_SYSLOG, CAP_BPF],
        CapabilitySet(mask: .max),
    ]

    private func filter(_ capabilities: CapabilitySet) throws -> FilterInterpreter {
        try FilterInterpreter(try SeccompProfile.defaultFilter(capabilities: capabilities))
    }

    /// What the kernel says the architecture is.
    private func audit(_ architecture: SeccompArchitecture) -> UInt32 {
        architecture.token == 0x4000_003E ? Self.native : architecture.token
    }

    @Test(arguments: sets)
    func `every number of every architecture is decided as its name is`(capabilities: CapabilitySet) throws {
        let filter = try filter(capabilities)
        let allowed = Set(SeccompProfile.allowedNames(capabilities))
        var decided = 0
        for architecture in SeccompArchitecture.allCases {
            for number in architecture.numbers {
                guard let name = architecture.name(of: number) else { continue }
                if ["socket", "socketcall", "personality", "clone", "clone3"].contains(name) { continue }
                let expected: SeccompAction = allowed.contains(name) ? .allow : .fail(EPERM)
                let action = try filter.run(architecture: audit(architecture), number: number)
                #expect(action == expected, "\(architecture) \(number) \(name)")
                decided += 1
            }
        }
        #expect(decided > 1000)
    }

    @Test(arguments: SeccompArchitecture.allCases)
    func `calls newer than the filter are unknown and not forbidden`(architecture: SeccompArchitecture) throws {
        let filter = try filter(.containerDefaults)
        for number in [UInt32(600), 999, 0x7FFF] {
            let number = architecture.numbers.lowerBound + number
            let action = try filter.run(architecture: audit(architecture), number: number)
            #expect(action == .fail(ENOSYS))
        }
    }

    @Test func `a gap among the known numbers is forbidden and not unknown`() throws {
        let filter = try filter(.containerDefaults)
        let numbers = SeccompArchitecture.native.numbers
        let last = try #require(numbers.last { SeccompArchitecture.native.name(of: $0) != nil })
        let gap = try #require((0..<last).last { SeccompArchitecture.native.name(of: $0) == nil })
        #expect(try filter.run(architecture: Self.native, number: gap) == .fail(EPERM))
        #expect(try filter.run(architecture: Self.native, number: last + 1) == .fail(ENOSYS))
    }

    @Test func `another architecture is killed`() throws {
        // AUDIT_ARCH_S390X
        let action = try filter(.containerDefaults).run(architecture: 0x8000_0016, number: 0)
        #expect(action == .killProcess)
    }

    @Test(arguments: SeccompArchitecture.allCases)
    func `sockets of the kernel's crypto and of the hypervisor are refused`(architecture: SeccompArchitecture) throws {
        let number = try #require(architecture.number(of: "socket"))
        for capabilities in [CapabilitySet.none, CapabilitySet(mask: .max)] {
            let filter = try filter(capabilities)
            for family in UInt64(0)..<64 {
                // The kernel looks at the lower half only: the upper one must not hide a family.
                for argument in [family, family | 1 << 32] {
                    let action = try filter.run(
                        architecture: audit(architecture), number: number, arguments: [argument])
                    #expect(action == ([38, 40].contains(family) ? .fail(EPERM) : .allow), "family \(family)")
                }
            }
        }
    }

    @Test func `the multiplexed call makes no sockets but does the rest`() throws {
        let filter = try filter(.containerDefaults)
        for call in UInt64(1)...20 {
            let action = try filter.run(architecture: Self.x86, number: 102, arguments: [call])
            #expect(action == (call == 1 ? .fail(EPERM) : .allow), "call \(call)")
        }
    }

    @Test(
        arguments: [
            (UInt64(0), true), (0x8, true), (0x20000, true), (0x20008, true), (0xFFFF_FFFF, true), (0x40000, false),
            (0x20000 | 1 << 32, false), (1, false), (0xFFFF_FFFF_FFFF_FFFF, false),
        ] as [(UInt64, Bool)])
    func `only harmless personalities are allowed`(value: UInt64, allowed: Bool) throws {
        let number = try #require(SeccompArchitecture.native.number(of: "personality"))
        let action = try filter(.containerDefaults)
            .run(architecture: Self.native, number: number, arguments: [value])
        #expect(action == (allowed ? .allow : .fail(EPERM)))
    }

    @Test(arguments: SeccompArchitecture.allCases)
    func `clone makes no namespaces without the privilege`(architecture: SeccompArchitecture) throws {
        let number = try #require(architecture.number(of: "clone"))
        let plain = try filter(.containerDefaults)
        let admin = try filter([CAP_SYS_ADMIN])
        for bit in UInt64(0)..<32 {
            let flags = [UInt64(1) << bit]
            let makesNamespace = [17, 25, 26, 27, 28, 29, 30].contains(bit)
            let action = try plain.run(architecture: audit(architecture), number: number, arguments: flags)
            #expect(action == (makesNamespace ? .fail(EPERM) : .allow), "bit \(bit)")
            #expect(
                try admin.run(architecture: audit(architecture), number: number, arguments: flags) == .allow)
        }
    }

    @Test(arguments: SeccompArchitecture.allCases)
    func `clone3 is unknown without the privilege`(architecture: SeccompArchitecture) throws {
        let number = try #require(architecture.number(of: "clone3"))
        #expect(
            try filter(.containerDefaults).run(architecture: audit(architecture), number: number) == .fail(ENOSYS))
        #expect(try filter([CAP_SYS_ADMIN]).run(architecture: audit(architecture), number: number) == .allow)
    }

    @Test(arguments: [
        "io_uring_setup", "userfaultfd", "keyctl", "add_key", "request_key", "kexec_load", "mount", "unshare", "setns",
        "bpf", "perf_event_open", "open_by_handle_at", "fsopen", "move_mount", "init_module", "swapon", "reboot",
    ])
    func `what attacks use is forbidden by default`(name: String) throws {
        let number = try #require(SeccompArchitecture.native.number(of: name))
        #expect(
            try filter(.containerDefaults).run(architecture: Self.native, number: number) == .fail(EPERM))
    }

    @Test func `capabilities that do not matter share one filter`() throws {
        let first = try SeccompProfile.defaultFilter(capabilities: [CAP_SYS_CHROOT])
        let second = try SeccompProfile.defaultFilter(capabilities: [CAP_SYS_CHROOT, CAP_CHOWN, CAP_NET_RAW])
        #expect(first == second)
        #expect(first.count < 4096 * 8)
    }
}
