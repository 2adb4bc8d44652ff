import ContainerRuntime
import Glibc
import Linux
import Synchronization
import Testing

@Suite(.enabled(if: isRoot, Comment(rawValue: rootNeeded)), .serialized)
struct ContainerIsolationTests {
    /// The values of fields of a process's /proc/PID/status.
    private func fields(_ output: String) -> [String: String] {
        var fields: [String: String] = [:]
        for line in output.split(separator: "\n") {
            let parts = line.split(separator: ":", maxSplits: 1)
            if parts.count == 2 { fields[String(parts[0])] = String(parts[1].drop { $0 == "\t" }) }
        }
        return fields
    }

    @Test(arguments: [false, true], [true, false])
    func `CVE-2017-7308, CVE-2020-14386: privileges are the default ones`(asUser: Bool, userNamespace: Bool) throws {
        let fixture = try RuntimeFixture(userNamespace: userNamespace)
        try fixture.sandbox()
        var config = fixture.config("web", ["/bin/cat", "/proc/self/status"])
        if asUser { config.userID = 1000 }
        let status = fields(try fixture.run(config).output)
        let mask = "00000000a80405fb"
        let none = "0000000000000000"
        #expect(status["CapBnd"] == mask)
        #expect(status["CapPrm"] == (asUser ? none : mask))
        #expect(status["CapEff"] == (asUser ? none : mask))
        #expect(status["CapInh"] == none)
        #expect(status["CapAmb"] == none)
        #expect(status["NoNewPrivs"] == "1")
        #expect(status["Seccomp"] == "2")
        #expect(status["SigBlk"] == none)
        #expect(status["SigIgn"] == none)
        #expect(status["Umask"] == "0022")
    }

    @Test(arguments: [false, true], [true, false])
    func `privileges that are asked for are given`(asUser: Bool, userNamespace: Bool) throws {
        let fixture = try RuntimeFixture(userNamespace: userNamespace)
        try fixture.sandbox()
        var config = fixture.config("web", ["/bin/cat", "/proc/self/status"])
        if asUser { config.userID = 1000 }
        config.allowPrivilegeEscalation = true
        config.dropCapabilities = ["ALL"]
        config.addCapabilities = ["NET_ADMIN"]
        let status = fields(try fixture.run(config).output)
        #expect(status["CapBnd"] == "0000000000001000")
        #expect(status["NoNewPrivs"] == "0")
        #expect(status["Seccomp"] == "2")
        config.seccomp = false
        config.attempt = 1
        config.logPath = fixture.log("web", 1)
        #expect(fields(try fixture.run(config).output)["Seccomp"] == "0")
    }

    @Test func `system calls outside the filter fail`() throws {
        let fixture = try RuntimeFixture()
        try fixture.sandbox()
        let (_, output) = try fixture.run(fixture.shell("mount -t tmpfs none /tmp 2>&1 || echo refused"))
        #expect(output.hasSuffix("refused"))
    }

    @Test func `only the standard streams are open`() throws {
        let fixture = try RuntimeFixture()
        try fixture.sandbox()
        // The fourth is the directory that is listed.
        #expect(try fixture.run(fixture.config("web", ["/bin/ls", "/proc/self/fd"])).output == "0\n1\n2\n3")
    }

    @Test func `the container sees only its own processes, host name, root and network`() throws {
        let fixture = try RuntimeFixture()
        try fixture.sandbox()
        let script = """
            echo $$; hostname; ls -d /proc/[0-9]* | head -2; ls /; ls /sys/class/net; head -c 6 /proc/self/cgroup
            """
        let lines = try fixture.run(fixture.shell(script)).output.split(separator: "\n").map(String.init)
        #expect(lines[0] == "1")
        #expect(lines[1] == "web-0")
        #expect(lines[2] == "/proc/1")
        #expect(lines.contains("lo"))
        #expect(!lines.contains("work"))
        let cgroups = try fixture.run(fixture.config("cgroup", ["/bin/cat", "/proc/self/cgroup"])).output
        let own = cgroups.split(separator: "\n").filter {
            ["memory", "pids", "cpu", ""].contains($0.split(separator: ":", omittingEmptySubsequences: false)[1])
        }
        #expect(own.allSatisfy { $0.hasSuffix(":/") })
    }

    @Test func `the root is read-only when asked for, and written to a layer of its own otherwise`() throws {
        let fixture = try RuntimeFixture()
        try fixture.sandbox()
        var config = fixture.shell("touch /x 2>/dev/null && echo written || echo refused")
        #expect(try fixture.run(config).output == "written")
        #expect(!fileExists("\(fixture.directory)/image/x"))
        config.attempt = 1
        config.logPath = fixture.log("web", 1)
        config.readOnlyRoot = true
        #expect(try fixture.run(config).output == "refused")
    }

    @Test(arguments: [true, false])
    func `what tells of the machine is hidden or read-only`(userNamespace: Bool) throws {
        let fixture = try RuntimeFixture(userNamespace: userNamespace)
        try fixture.sandbox()
        let script = """
            stat -c %t:%T /proc/interrupts; cat /proc/interrupts; ls /sys/firmware /proc/scsi 2>/dev/null | grep -v :
            for f in /proc/sys/kernel/core_pattern /proc/sysrq-trigger /sys/fs/cgroup/cgroup.procs \
              /sys/fs/cgroup/memory/cgroup.procs /sys/kernel/profiling; do
              [ -e $f ] || continue
              { echo 1 > $f; } 2>/dev/null && echo "wrote $f"
            done
            touch /sys/fs/cgroup/x 2>/dev/null && echo "wrote cgroup"
            echo done
            """
        let output = try fixture.run(fixture.shell(script)).output
        #expect(output.split(separator: "\n").filter { !$0.isEmpty } == ["1:3", "done"])
    }

    @Test(arguments: ["/proc", "/dev", "/sys", "/dev/pts"])
    func `a directory of the kernel that is a symbolic link in the image is refused`(path: String) throws {
        let fixture = try RuntimeFixture()
        let canary = "\(fixture.directory)/canary"
        try makeDirectories(canary)
        try makeDirectories(parentDirectory(of: "\(fixture.directory)/image\(path)"))
        symlink("../canary", "\(fixture.directory)/image\(path)")
        try fixture.sandbox()
        let observation = try fixture.runtime.startContainer(podUID: "pod", fixture.shell("ls /"))
        if path == "/dev/pts" {
            // The image's /dev is covered before anything in it is looked at.
            guard case .running = observation.phase else { return #expect(observation.phase == .creating) }
        } else {
            guard case .failed(let message) = observation.phase else {
                Issue.record("\(observation.phase)")
                return
            }
            #expect(message.contains("on \(path): "))
        }
        #expect(try listDirectory(canary).isEmpty)
    }

    @Test(arguments: ["/link/inner", "/absolute/inner", "/up/inner"])
    func `CVE-2019-18837: a mount through the image's symbolic links stays in the root`(destination: String) throws {
        let fixture = try RuntimeFixture()
        let (image, canary) = ("\(fixture.directory)/image", "\(fixture.directory)/canary")
        try makeDirectories(canary)
        try makeDirectories("\(image)\(canary)")
        try makeDirectories("\(fixture.directory)/volume")
        symlink("../canary", "\(image)/link")
        symlink(canary, "\(image)/absolute")
        symlink("../../../../../../../../..\(canary)", "\(image)/up")
        try makeDirectories("\(image)/canary")
        try fixture.sandbox()
        var config = fixture.shell("touch \(destination)/x && echo done")
        config.mounts = [ContainerMount(source: .bind("\(fixture.directory)/volume"), destination: destination)]
        #expect(try fixture.run(config).output == "done")
        #expect(try listDirectory("\(fixture.directory)/volume") == ["x"])
        #expect(try listDirectory(canary).isEmpty)
    }

    @Test(arguments: ["/proc/self/fd/3", "/proc/self/fd/7", "/escape", "/proc/self/root"])
    func `a working directory outside the root is refused`(directory: String) throws {
        let fixture = try RuntimeFixture()
        symlink("/proc/self/fd/7", "\(fixture.directory)/image/escape")
        try fixture.sandbox()
        var config = fixture.config("web", ["/bin/pwd"])
        config.workingDirectory = directory
        let observation = try fixture.runtime.startContainer(podUID: "pod", config)
        guard case .failed(let message) = observation.phase else {
            Issue.record("\(observation.phase)")
            return
        }
        #expect(message.contains("directory \(directory): "))
    }

    @Test(arguments: [
        "1000:", ":", "abc", "+5", "0x3e8", "4294967296", "2147483648", "-1", "1000:99999999999", "a:b:c",
    ])
    func `CVE-2024-40635, CVE-2026-30892: a user that is not understood is refused`(user: String) throws {
        let fixture = try RuntimeFixture()
        fixture.images.configuration.withLock { $0.user = user }
        try fixture.sandbox()
        let error = #expect(throws: RuntimeError.self) {
            try fixture.runtime.startContainer(podUID: "pod", fixture.shell("id"))
        }
        #expect(error?.code == .invalid)
    }

    @Test(arguments: [true, false])
    func `CVE-2022-0811: settings of the pod's own namespaces are made, others refused`(userNamespace: Bool) throws {
        let fixture = try RuntimeFixture(userNamespace: userNamespace)
        try fixture.sandbox(sysctls: ["net.ipv4.ip_forward": "1", "kernel.shm_rmid_forced": "1"])
        let script = """
            cat /proc/sys/net/ipv4/ip_forward /proc/sys/kernel/shm_rmid_forced \
              /proc/sys/net/ipv4/ip_unprivileged_port_start
            """
        #expect(try fixture.run(fixture.shell(script)).output == "1\n1\n0")
        for name in ["kernel.core_pattern", "vm.overcommit_memory", "net/../kernel.shm", "kernel.shm/../core_pattern"] {
            let error = #expect(throws: RuntimeError.self) {
                try fixture.sandbox("other", sysctls: [name: "1"])
            }
            #expect(error?.code == .invalid)
        }
        #expect(throws: RuntimeError.self) {
            try fixture.sandbox("other", hostNetwork: true, sysctls: ["net.ipv4.ip_forward": "1"])
        }
    }
}
