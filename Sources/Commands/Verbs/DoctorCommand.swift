import Glibc
import Linux
import Model

/// `martlet doctor`: says what this machine lacks and the command that mends it.
enum DoctorCommand {
    static let command = Command(
        path: ["doctor"], summary: "Say what this machine lacks, and the command that mends it",
        options: [.dataDirectory, .init("output", short: "o", .value("FORMAT"), "json or yaml")],
        examples: ["martlet doctor"],
        run: { call in
            let findings = try Examination(Installation(call)).findings
            let format = try OutputFormat(call.value("output"))
            if format.isTable {
                for finding in findings { show(finding, call.context) }
                let failed = findings.filter { $0.verdict == .fails }.count
                call.context.print(
                    failed == 0 ? "\nThis machine can run Martlet." : "\n\(failed) of \(findings.count) checks fail.")
            } else {
                call.context.output(format.text(of: findings.map(\.document), asList: true))
            }
            return findings.contains { $0.verdict == .fails } ? 1 : 0
        })

    private static func show(_ finding: Finding, _ context: Context) {
        let colours: [Finding.Verdict: String] = [.holds: "32", .warns: "33", .fails: "31"]
        var mark = finding.verdict.rawValue
        mark += String(repeating: " ", count: 5 - mark.count)
        if context.hasColours, let colour = colours[finding.verdict] { mark = "\u{1B}[\(colour)m\(mark)\u{1B}[0m" }
        context.print("\(mark) \(finding.name): \(finding.found)")
        if let remedy = finding.remedy { context.print("      mend it: \(remedy)") }
    }
}

/// What one check found.
struct Finding: Sendable, Equatable {
    enum Verdict: String, Sendable {
        case holds = "ok"
        case warns = "warn"
        case fails = "fail"
    }
    var name: String
    var verdict: Verdict
    /// What is there.
    var found: String
    /// The command or change that mends it; nil where nothing is to be mended.
    var remedy: String?

    var document: JSONValue {
        var object: JSONValue = ["check": .string(name), "result": .string(verdict.rawValue), "found": .string(found)]
        if let remedy { object["remedy"] = .string(remedy) }
        return object
    }
}

/// Looks at this machine.
struct Examination {
    let installation: Installation

    init(_ installation: Installation) { self.installation = installation }

    var findings: [Finding] {
        let requirements = [
            user, kernel, controllers, fileSystem("overlay", "container roots"), namespaces, userNamespaces, bridge,
            seccomp, supervisor,
        ]
        return requirements + NetworkExamination(bridge: installation.bridge).findings
            + Headroom(directory: existing(installation.data)).findings + [kubectl]
    }

    private var user: Finding {
        geteuid() == 0
            ? Finding(name: "user", verdict: .holds, found: "root")
            : Finding(name: "user", verdict: .fails, found: "uid \(geteuid())", remedy: "run as root: sudo martlet up")
    }

    private var kernel: Finding {
        let release = text("/proc/sys/kernel/osrelease")
        let isNew = KernelRelease(release).map { $0 >= KernelRelease(5, 12) } ?? false
        return isNew
            ? Finding(name: "kernel", verdict: .holds, found: "Linux \(release)")
            : Finding(
                name: "kernel", verdict: .fails, found: "Linux \(release); 5.12 or newer is needed",
                remedy: "apt-get install linux-image-amd64 && reboot")
    }

    private var controllers: Finding {
        let wanted = ["cpu", "memory", "pids"]
        let mounts = text("/proc/self/mountinfo", limit: 1 << 20)
        let unified = mounts.split(separator: "\n").first { $0.contains(" - cgroup2 ") }?.split(separator: " ")
        let root = unified.flatMap { $0.count > 4 ? String($0[4]) : nil }
        let modern = root.map { text("\($0)/cgroup.controllers").split(separator: " ").map(String.init) } ?? []
        let old = mounts.split(separator: "\n").filter { $0.contains(" - cgroup ") }
            .flatMap { $0.split(separator: " ").last?.split(separator: ",").map(String.init) ?? [] }
        let missing = wanted.filter { !modern.contains($0) && !old.contains($0) }
        let version = wanted.allSatisfy(modern.contains) ? "v2" : modern.isEmpty ? "v1" : "hybrid"
        return missing.isEmpty
            ? Finding(name: "cgroups", verdict: .holds, found: "\(version) with \(wanted.joined(separator: ", "))")
            : Finding(
                name: "cgroups", verdict: .fails, found: "no controller \(missing.joined(separator: ", "))",
                remedy: "boot with the kernel parameters systemd.unified_cgroup_hierarchy=1 cgroup_enable=memory")
    }

    private func fileSystem(_ name: String, _ purpose: String) -> Finding {
        let isThere = text("/proc/filesystems", limit: 1 << 16).split(separator: "\n").contains {
            $0.hasSuffix("\t\(name)")
        }
        return isThere
            ? Finding(name: name, verdict: .holds, found: "there, for \(purpose)")
            : Finding(name: name, verdict: .fails, found: "not there", remedy: "modprobe \(name)")
    }

    private var namespaces: Finding {
        let missing = ["pid", "mnt", "uts", "ipc", "net", "cgroup"].filter { !fileExists("/proc/self/ns/\($0)") }
        return missing.isEmpty
            ? Finding(name: "namespaces", verdict: .holds, found: "pid, mount, uts, ipc, net, cgroup")
            : Finding(
                name: "namespaces", verdict: .fails, found: "missing: \(missing.joined(separator: ", "))",
                remedy: "use a kernel built with CONFIG_NAMESPACES")
    }

    private var userNamespaces: Finding {
        let name = "user namespaces"
        if let kernel = KernelRelease.running, kernel < .mapsLayers {
            return Finding(
                name: name, verdict: .fails, found: "Linux 5.19 or newer is needed",
                remedy: "apt-get install linux-image-amd64 && reboot, or security.userNamespace: false in every App")
        }
        guard geteuid() == 0 else { return Finding(name: name, verdict: .warns, found: "only root can try") }
        do {
            try UserNamespace.checkMapping(of: existing(installation.data), UserRange(first: 1 << 20))
            return Finding(name: name, verdict: .holds, found: "mapped owners for \(installation.data)")
        } catch  where error.errno == EUSERS {
            return Finding(
                name: name, verdict: .fails, found: "the kernel allows none",
                remedy: "sysctl -w user.max_user_namespaces=65536")
        } catch {
            return Finding(
                name: name, verdict: .fails, found: "\(error)",
                remedy: "a data directory on ext4, xfs or btrfs: martlet up --data-dir DIRECTORY; or "
                    + "security.userNamespace: false in every App")
        }
    }

    /// The nearest directory above a path that is there.
    private func existing(_ path: String) -> String {
        var path = path
        while !fileExists(path), path != "/" { path = parentDirectory(of: path) }
        return path
    }

    private var bridge: Finding {
        let forwarding = text("/proc/sys/net/ipv4/ip_forward")
        return forwarding == "1"
            ? Finding(name: "ip_forward", verdict: .holds, found: "on")
            : Finding(
                name: "ip_forward", verdict: .warns, found: "off; `martlet up` turns it on",
                remedy: "sysctl -w net.ipv4.ip_forward=1")
    }

    private var seccomp: Finding {
        let isThere = fileExists("/proc/sys/kernel/seccomp/actions_avail")
        return isThere
            ? Finding(name: "seccomp", verdict: .holds, found: "there")
            : Finding(
                name: "seccomp", verdict: .fails, found: "not there",
                remedy: "use a kernel built with CONFIG_SECCOMP_FILTER")
    }

    private var supervisor: Finding {
        var buffer = [CChar](repeating: 0, count: 4096)
        let length = readlink("/proc/self/exe", &buffer, buffer.count - 1)
        let program = String(decoding: buffer.prefix(max(0, length)).map { UInt8(bitPattern: $0) }, as: UTF8.self)
        let path =
            getenv("MARTLET_SUPERVISOR").map { String(cString: $0) } ?? parentDirectory(of: program)
            + "/martlet-supervisor"
        return access(path, X_OK) == 0
            ? Finding(name: "supervisor", verdict: .holds, found: path)
            : Finding(
                name: "supervisor", verdict: .fails, found: "\(path) is missing",
                remedy: "put martlet-supervisor beside martlet")
    }

    private var kubectl: Finding {
        let directories = (getenv("PATH").map { String(cString: $0) } ?? "").split(separator: ":")
        let candidates = directories.map { "\($0)/kubectl" }
        guard let path = candidates.first(where: { candidate in access(candidate, X_OK) == 0 }) else {
            return Finding(
                name: "kubectl", verdict: .warns, found: "not there; it is optional",
                remedy: "apt-get install kubernetes-client")
        }
        return Finding(name: "kubectl", verdict: .holds, found: "\(path) (optional)")
    }

    private func text(_ path: String, limit: Int = 4096) -> String {
        let text = (try? readText(path, limit: limit)) ?? ""
        return text.hasSuffix("\n") ? String(text.dropLast()) : text
    }
}
