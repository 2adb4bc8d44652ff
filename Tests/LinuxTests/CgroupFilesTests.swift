import Testing

@testable import Linux

@Suite struct CgroupFilesTests {
    @Test(arguments: [
        (0, 2, 1), (1, 2, 1), (2, 2, 1), (100, 102, 4), (250, 256, 10), (1000, 1024, 39), (4000, 4096, 157),
        (256_000, 262_144, 10_000), (Int64.max, 262_144, 10_000), (-5, 2, 1),
    ])
    func `a request becomes shares and a weight`(millicores: Int64, shares: Int64, weight: Int64) {
        let resources = CgroupResources(cpuWeightMillicores: millicores)
        #expect(CPUController.files(for: resources, version: .v1) == [CgroupFile("cpu.shares", "\(shares)")])
        #expect(CPUController.files(for: resources, version: .v2) == [CgroupFile("cpu.weight", "\(weight)")])
    }

    @Test(arguments: [(500, 50_000), (1000, 100_000), (2500, 250_000), (1, 1000), (0, 1000), (15, 1500)])
    func `a limit becomes a quota of a period of 100 ms`(millicores: Int64, quota: Int64) {
        let resources = CgroupResources(cpuLimitMillicores: millicores)
        let v1 = [CgroupFile("cpu.cfs_period_us", "100000"), CgroupFile("cpu.cfs_quota_us", "\(quota)")]
        #expect(CPUController.files(for: resources, version: .v1) == v1)
        #expect(CPUController.files(for: resources, version: .v2) == [CgroupFile("cpu.max", "\(quota) 100000")])
    }

    @Test func `a memory limit leaves no swap and kills together`() {
        let resources = CgroupResources(memoryLimitBytes: 64 << 20)
        #expect(
            MemoryController.files(for: resources, version: .v1) == [
                CgroupFile("memory.limit_in_bytes", "67108864"),
                CgroupFile("memory.memsw.limit_in_bytes", "67108864", isOptional: true),
            ])
        #expect(
            MemoryController.files(for: resources, version: .v2) == [
                CgroupFile("memory.max", "67108864"), CgroupFile("memory.swap.max", "0", isOptional: true),
                CgroupFile("memory.oom.group", "1", isOptional: true),
            ])
    }

    @Test(arguments: [CgroupVersion.v1, .v2])
    func `what is not limited is not written`(version: CgroupVersion) {
        let none = CgroupResources()
        #expect(CPUController.files(for: none, version: version) == [])
        #expect(MemoryController.files(for: none, version: version) == [])
        #expect(PidsController.files(for: none, version: version) == [])
        #expect(DevicesController.files(for: none, version: version) == [])
        #expect(
            PidsController.files(for: CgroupResources(pidsLimit: 64), version: version) == [
                CgroupFile("pids.max", "64")
            ])
    }

    @Test func `devices are refused first and then allowed one by one`() {
        let rules = [
            CgroupDeviceRule(.character, major: 1, minor: 3),
            CgroupDeviceRule(.block, major: nil, minor: nil, read: false, write: false),
        ]
        #expect(
            DevicesController.files(for: CgroupResources(devices: rules), version: .v1) == [
                CgroupFile("devices.deny", "a"), CgroupFile("devices.allow", "c 1:3 rwm"),
                CgroupFile("devices.allow", "b *:* m"),
            ])
    }

    @Test func `a device program tests kind, access, major and minor of each rule`() {
        let rules = [
            CgroupDeviceRule(.block, major: nil, minor: nil, read: false, write: false),
            CgroupDeviceRule(.character, major: 136, minor: 7),
        ]
        #expect(
            DeviceProgram.instructions(for: rules) == [
                0x0000_0000_0000_1261,  // r2 = access_type
                0x0000_FFFF_0000_0254,  // w2 &= 0xffff: the kind
                0x0000_0000_0000_1361,  // r3 = access_type
                0x0000_0010_0000_0374,  // w3 >>= 16: the access
                0x0000_0000_0004_1461,  // r4 = major
                0x0000_0000_0008_1561,  // r5 = minor
                0x0000_0001_0005_0255,  // if r2 != block goto +5
                0x0000_0000_0000_31BC,  // w1 = w3
                0x0000_0001_0000_0154,  // w1 &= mknod
                0x0000_0000_0002_315D,  // if r1 != r3 goto +2
                0x0000_0001_0000_00B4,  // w0 = 1
                0x0000_0000_0000_0095,  // exit
                0x0000_0002_0004_0255,  // if r2 != character goto +4
                0x0000_0088_0003_0455,  // if r4 != 136 goto +3
                0x0000_0007_0002_0555,  // if r5 != 7 goto +2
                0x0000_0001_0000_00B4,  // w0 = 1
                0x0000_0000_0000_0095,  // exit
                0x0000_0000_0000_00B4,  // w0 = 0
                0x0000_0000_0000_0095,  // exit
            ])
    }

    @Test func `mount points are found below the root and unescaped`() {
        let text = """
            31 23 0:28 / /sys/fs/cgroup rw,relatime - tmpfs tmpfs rw,mode=755
            32 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw,relatime shared:9 master:1 - cgroup cgroup rw,cpu,cpuacct
            41 31 0:38 / /sys/fs/cgroup/a\\040b rw,relatime - cgroup2 cgroup2 rw
            42 31 0:39 / /sys/fs/cgroups rw,relatime - cgroup2 cgroup2 rw
            43 31 0:40 / /mnt rw - cgroup cgroup rw,memory
            44 31 broken
            """
        #expect(
            CgroupMount.parse(text, below: "/sys/fs/cgroup") == [
                CgroupMount(
                    path: "/sys/fs/cgroup/cpu,cpuacct", version: .v1, controllers: ["rw", "cpu", "cpuacct"]),
                CgroupMount(path: "/sys/fs/cgroup/a b", version: .v2, controllers: []),
            ])
    }
}
