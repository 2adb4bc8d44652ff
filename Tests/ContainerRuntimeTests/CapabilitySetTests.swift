import CCap
import ContainerRuntime
import Testing

@Suite struct CapabilitySetTests {
    @Test func `a container has thirteen capabilities by default`() {
        #expect(CapabilitySet.containerDefaults.mask == 0xA804_05FB)
        #expect(
            CapabilitySet.containerDefaults.names == [
                "CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "KILL", "SETGID", "SETUID", "SETPCAP", "NET_BIND_SERVICE",
                "SYS_CHROOT", "MKNOD", "AUDIT_WRITE", "SETFCAP",
            ])
    }

    @Test(
        arguments: [
            (["MKNOD"], [], 0xA804_05FB & ~(1 << 27)),
            (["ALL"], [], 0),
            (["ALL"], ["NET_BIND_SERVICE"], 1 << 10),
            (["all"], ["cap_net_bind_service", "CAP_CHOWN"], 1 << 10 | 1),
            ([], ["SYS_ADMIN"], 0xA804_05FB | 1 << 21),
            (["SYS_TIME"], ["NET_ADMIN"], 0xA804_05FB | 1 << 12),
            (["KILL"], ["KILL"], 0xA804_05FB),
        ] as [([String], [String], UInt64)])
    func `capabilities are dropped and then added`(drop: [String], add: [String], mask: UInt64) throws {
        let set = try CapabilitySet.containerDefaults.applying(drop: drop, add: add)
        #expect(set == CapabilitySet(mask: mask))
    }

    @Test func `all are added but for those dropped by name`() throws {
        let set = try CapabilitySet.none.applying(drop: ["SYS_ADMIN", "ALL"], add: ["ALL"])
        #expect(set.mask == CapabilitySet.all.mask & ~(1 << 21))
        #expect(set.contains(CAP_NET_ADMIN))
        #expect(!set.contains(CAP_SYS_ADMIN))
    }

    @Test(arguments: [
        ("NET_ADMN", "unknown capability NET_ADMN: did you mean NET_ADMIN?"),
        ("CAP_SYS_ADMINN", "unknown capability CAP_SYS_ADMINN: did you mean SYS_ADMIN?"),
        ("WHATEVER_THIS_IS", "unknown capability WHATEVER_THIS_IS"),
        ("12", "unknown capability 12"),
        ("", "unknown capability "),
    ])
    func `an unknown name is an error that names the nearest`(name: String, message: String) {
        let error = #expect(throws: RuntimeError.self) {
            try CapabilitySet.containerDefaults.applying(drop: [], add: [name])
        }
        #expect(error?.code == .invalid)
        #expect(error?.message == message)
    }

    @Test func `the bounding set is part of what the kernel knows`() {
        #expect(CapabilitySet.bounding().mask & ~CapabilitySet.all.mask == 0)
        #expect(CapabilitySet.bounding().contains(CAP_CHOWN))
    }
}
