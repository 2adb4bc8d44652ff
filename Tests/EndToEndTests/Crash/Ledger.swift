import Glibc
import Linux
import Model

/// What Martlet has on a machine, compared with what its live pods account for: to the last cgroup, mount, link, process and
/// file.
struct Ledger {
    /// What is there and belongs to no live pod.
    var leftOver: [String] = []
    /// What a live pod should have and has not.
    var missing: [String] = []

    var isBalanced: Bool { leftOver.isEmpty && missing.isEmpty }
}

extension Ledger: CustomStringConvertible {
    var description: String {
        (leftOver.map { "left over: \($0)" } + missing.map { "missing: \($0)" }).joined(separator: "\n")
    }
}

extension Cluster {
    private var run: String { "/run/martlet-\(mark)" }

    /// Compares the machine with the pods that the API has.
    func ledger() throws -> Ledger {
        let output = try martlet("get", "pods", "-o", "json")
        guard output.code == 0 else { return Ledger(missing: ["an answer to \(output)"]) }
        let pods = try (JSONValue(parsing: output.out)["items"]?.array ?? []).map(PodView.init)
        let expected = try Set(pods.flatMap(belongings) + keptReady() + carriers() + virtualAddresses())
        let actual = Set(everything())
        return Ledger(
            leftOver: actual.subtracting(expected).sorted(), missing: expected.subtracting(actual).sorted())
    }

    /// What every installation has once: they outlive the server.
    private func carriers() -> [String] { ["a load balancer", "a DNS server"] }

    /// The addresses of Apps.
    private func virtualAddresses() throws -> [String] {
        let output = try martlet("get", "apps", "-o", "json")
        guard output.code == 0 else { return ["an answer to \(output)"] }
        return try (JSONValue(parsing: output.out)["items"]?.array ?? []).compactMap { app in
            app["status"]?["virtualAddress"]?.string.map { "virtual address \($0)" }
        }
    }

    /// The addresses of the bridge that are alone in their networks.
    private func bridgeAddresses() -> [String] {
        let words = (try? run(["ip", "-o", "-4", "address", "show", "dev", "mlt-\(mark)"]))?.out ?? ""
        return words.split { $0.isWhitespace }.filter { $0.hasSuffix("/32") }.map {
            "virtual address \($0.dropLast(3))"
        }
    }

    /// What a pod that runs has.
    private func belongings(_ pod: PodView) -> [String] {
        let uid = pod.uid
        let attempts = names("\(data)/pods/\(uid)/containers")
        var result = ["\(data)/agent/pods/\(uid).json", "supervisor of \(uid)", "link \(Self.linkName(of: uid))"]
        for folder in [
            "\(data)/pods", "\(data)/volumes", "\(data)/logs", "\(run)/pods", "\(run)/volumes", "\(run)/network",
        ] {
            result.append("\(folder)/\(uid)")
        }
        for root in hierarchies {
            let cgroup = "\(root)/\(uid)"
            result += [cgroup, "\(cgroup)/supervisor"] + attempts.map { "\(cgroup)/\($0)" }
        }
        result += attempts.flatMap { attempt -> [String] in
            let directory = "\(data)/pods/\(uid)/containers/\(attempt)"
            return [directory, "\(directory)/container.json", "\(directory)/launched"]
        }
        for volume in pod.document["spec"]?["volumes"]?.array ?? [] {
            let isOnMemory = volume["emptyDir"]?["medium"]?.string == "Memory"
            guard isOnMemory || volume["secret"] != nil || volume["configMap"] != nil else { continue }
            result.append("mount \(run)/volumes/\(uid)/\(volume["name"]?.string ?? "")")
        }
        return result
    }

    /// What the server that runs keeps for pods to come: none of an earlier one. At least two, once it has made them.
    private func keptReady() -> [String] {
        let own = names("\(run)/parked").filter { $0.hasPrefix("\(server?.pid ?? 0)-") }
        let isAskedFor = serverOptions.last != "0"
        let legacy = hierarchies.filter { !fileExists("\($0)/cgroup.controllers") }
        return (isAskedFor && own.count < 2 ? ["a sandbox that is ready"] : [])
            + own.flatMap { id in
                ["\(run)/parked/\(id)", "supervisor of parked \(id)"]
                    + legacy.map { "\($0)/.parked-\(id)" }.flatMap { [$0, "\($0)/supervisor", "\($0)/parked"] }
            }
    }

    /// What there is, in the same words.
    private func everything() -> [String] {
        let folders =
            ["agent/pods", "pods", "volumes", "logs", "removed"].map { "\(data)/\($0)" }
            + ["pods", "volumes", "network", "parked", "removed"].map { "\(run)/\($0)" }
        var result = folders.flatMap { folder in names(folder).map { "\(folder)/\($0)" } }
        for uid in names("\(data)/pods") {
            let containers = "\(data)/pods/\(uid)/containers"
            for attempt in names(containers) {
                let files = names("\(containers)/\(attempt)").filter {
                    !["upper", "work", "exit.json"].contains($0)
                }
                result += ["\(containers)/\(attempt)"] + files.map { "\(containers)/\(attempt)/\($0)" }
            }
            result += names("\(data)/pods/\(uid)").filter { !["config.json", "containers"].contains($0) }
                .map { "\(data)/pods/\(uid)/\($0)" }
        }
        for root in hierarchies {
            // Where all supervisors begin; it has no files, and its processes are accounted for as such.
            for uid in names(root).filter({ $0 != ".parked" && isDirectory("\(root)/\($0)") }) {
                let below = names("\(root)/\(uid)").filter { isDirectory("\(root)/\(uid)/\($0)") }
                result += ["\(root)/\(uid)"] + below.map { "\(root)/\(uid)/\($0)" }
            }
        }
        let mounts = (try? readText("/proc/self/mountinfo", limit: 16 << 20)) ?? ""
        result += mounts.split(separator: "\n").compactMap { line in
            let words = line.split(separator: " ")
            guard words.count > 4, words[4].hasPrefix(data) || words[4].hasPrefix(run) else { return nil }
            return "mount \(words[4])"
        }
        return result + podLinks().map { "link \($0)" } + bridgeAddresses() + temporaryFiles() + processes()
    }

    /// Files that are on their way to their names; of the image store's process directories only the live one's is in order.
    private func temporaryFiles() -> [String] {
        var result: [String] = []
        for folder in [
            data, "\(data)/agent", "\(data)/images", "\(data)/images/images", "\(data)/store", "\(data)/pki", run,
        ] {
            result += names(folder).filter { $0.hasSuffix(".tmp") }.map { "\(folder)/\($0)" }
        }
        for name in names("\(data)/images/tmp") {
            let own = "\(data)/images/tmp/\(name)"
            let isLive = name.hasPrefix("store-\(server?.pid ?? 0)-")
            if isLive {
                result += names(own).filter { $0 != "lock" }.map { "\(own)/\($0)" }
            } else {
                result.append(own)
            }
        }
        return result
    }

    /// The processes of Martlet other than the server's: supervisors by the pod that they own, anything else by its number.
    private func processes() -> [String] {
        var result: [String] = []
        for pid in names("/proc").compactMap({ Int32($0) }) where pid != server?.pid {
            let line = words(pid)
            if line.count == 2, line[0].hasSuffix("martlet-supervisor") {
                if let owner = owner(pid, line[1]) { result.append("supervisor of \(owner)") }
            } else if line.contains("\(run)/proxy/haproxy.cfg") {
                // Its workers are its children.
                if let parent = parent(of: pid), words(parent).contains("\(run)/proxy/haproxy.cfg") { continue }
                result.append("a load balancer")
            } else if line.contains("--conf-file=\(run)/dns/dnsmasq.conf") {
                result.append("a DNS server")
            } else if line.contains("internal-unpack"), parent(of: pid) == server?.pid {
                result.append("process \(pid): \(line.joined(separator: " "))")
            } else if line.isEmpty, isZombie(pid), let parent = parent(of: pid), isOurs(parent) {
                result.append("process \(pid) has ended and is not reaped by \(parent)")
            }
        }
        // Two supervisors of one pod are one too many.
        let twice = Dictionary(grouping: result + userIDs()) { $0 }.filter { $0.value.count > 1 }.keys
        result += twice.map { "second \($0)" }
        return result + idleProcesses() + namespaces()
    }

    /// The user ids of every sandbox.
    private func userIDs() -> [String] {
        let sandboxes = ["\(data)/pods", "\(run)/parked"].flatMap { folder in names(folder).map { "\(folder)/\($0)" } }
        return sandboxes.compactMap { sandbox in
            let text = (try? readText("\(sandbox)/config.json")) ?? ""
            return (try? JSONValue(parsing: text))?["userRange"].map { "owner of the user ids \($0.text())" }
        }
    }

    private func words(_ pid: Int32) -> [String] {
        ((try? readText("/proc/\(pid)/cmdline")) ?? "").split(separator: "\0").map(String.init)
    }

    /// What a supervisor of this installation is there for; nil for those of others, and for a supervisor's own helper.
    private func owner(_ pid: Int32, _ config: String) -> String? {
        if let parent = parent(of: pid), words(parent) == words(pid) { return nil }
        if config.hasPrefix("\(data)/pods/") {
            return String(config.dropFirst("\(data)/pods/".count).prefix { $0 != "/" })
        }
        guard config.hasPrefix("\(run)/parked/") else { return nil }
        // One that waited has the pod in whose directory it is written down.
        for uid in names("\(run)/pods") {
            let recorded = (try? readText("\(run)/pods/\(uid)/supervisor.pid")) ?? ""
            if recorded.hasPrefix("\(pid) ") { return uid }
        }
        return "parked \(config.dropFirst("\(run)/parked/".count).prefix { $0 != "/" })"
    }

    /// Processes in the cgroups of containers that have ended.
    private func idleProcesses() -> [String] {
        hierarchies.flatMap { root in
            names("\(data)/pods").flatMap { uid in
                names("\(data)/pods/\(uid)/containers").flatMap { attempt -> [String] in
                    guard fileExists("\(data)/pods/\(uid)/containers/\(attempt)/exit.json") else { return [] }
                    let pids = (try? readText("\(root)/\(uid)/\(attempt)/cgroup.procs")) ?? ""
                    return pids.split(separator: "\n").map { "process \($0) in \(root)/\(uid)/\(attempt)" }
                }
            }
        }
    }

    /// Namespaces that the server holds open.
    private func namespaces() -> [String] {
        guard let pid = server?.pid else { return [] }
        return names("/proc/\(pid)/fd").compactMap { name in
            var bytes = [CChar](repeating: 0, count: 256)
            let count = readlink("/proc/\(pid)/fd/\(name)", &bytes, bytes.count)
            let target = String(decoding: bytes.prefix(max(0, count)).map { UInt8(bitPattern: $0) }, as: UTF8.self)
            return target.contains(":[") && !target.hasPrefix("socket:") && !target.hasPrefix("pipe:")
                && !target.hasPrefix("anon_inode:") ? "descriptor \(name) of the server: \(target)" : nil
        }
    }

    /// This installation's cgroup in every hierarchy that has it.
    private var hierarchies: [String] {
        (["/sys/fs/cgroup"] + names("/sys/fs/cgroup").map { "/sys/fs/cgroup/\($0)" })
            .map { "\($0)/martlet-\(mark)" }.filter(isDirectory)
    }

    private func names(_ folder: String) -> [String] { ((try? listDirectory(folder)) ?? []).sorted() }

    private func isZombie(_ pid: Int32) -> Bool { stat(pid)?.state == "Z" }

    private func parent(of pid: Int32) -> Int32? { stat(pid)?.parent }

    private func isOurs(_ pid: Int32) -> Bool { pid == server?.pid || supervisors.contains(pid) }

    /// The fields behind the name, which is in brackets (proc_pid_stat(5)).
    private func stat(_ pid: Int32) -> (state: Substring, parent: Int32)? {
        guard let text = try? readText("/proc/\(pid)/stat"), let end = text.lastIndex(of: ")") else { return nil }
        let words = text[text.index(after: end)...].split(separator: " ")
        guard words.count > 1, let parent = Int32(words[1]) else { return nil }
        return (words[0], parent)
    }

    /// The name of a pod's link (docs/networking.md): `mlt` and 44 bits of a hash of its UID.
    private static func linkName(of podUID: String) -> String {
        let hash = podUID.utf8.reduce(UInt64(0xCBF2_9CE4_8422_2325)) { ($0 ^ UInt64($1)) &* 0x100_0000_01B3 }
        let digits = String((hash ^ hash >> 44) & 0xFFF_FFFF_FFFF, radix: 16)
        return "mlt" + String(repeating: "0", count: 11 - digits.count) + digits
    }
}
