import Glibc
import Linux

extension Cluster {
    /// What the installation's cgroups, link and run directory are named by (FNV-1a of the data directory).
    var mark: String {
        let hash = data.utf8.reduce(UInt32(2_166_136_261)) { ($0 ^ UInt32($1)) &* 16_777_619 }
        let digits = String(hash, radix: 16)
        return String(repeating: "0", count: 8 - digits.count) + digits
    }

    /// The links that connect pods to the bridge.
    func podLinks() -> [String] { (try? listDirectory("/sys/class/net/mlt-\(mark)/brif")) ?? [] }

    /// What is on the machine for pods: mounts, cgroups, links, supervisors and files. Empty when no pod is.
    func leftovers() -> [String] {
        let mounts = (try? readText("/proc/self/mountinfo", limit: 16 << 20)) ?? ""
        var left = mounts.split(separator: "\n").filter { $0.contains(data) || $0.contains("/run/martlet-\(mark)") }
            .map { "mount \($0)" }
        left += cgroups.map { "cgroup \($0)" } + podLinks().map { "link \($0)" }
        left += supervisors.map { "supervisor \($0)" }
        for folder in ["agent/pods", "pods", "volumes", "logs"] {
            left += ((try? listDirectory("\(data)/\(folder)")) ?? []).map { "file \(data)/\(folder)/\($0)" }
        }
        return left
    }

    /// The cgroups of pods, in every hierarchy.
    private var cgroups: [String] {
        let roots = ["/sys/fs/cgroup"] + ((try? listDirectory("/sys/fs/cgroup")) ?? []).map { "/sys/fs/cgroup/\($0)" }
        return roots.flatMap { root -> [String] in
            let folder = "\(root)/martlet-\(mark)"
            // What begins with a dot is kept ready for pods to come.
            return ((try? listDirectory(folder)) ?? []).filter { !$0.hasPrefix(".") }.map { "\(folder)/\($0)" }
                .filter { isDirectory($0) }
        }
    }

    /// The processes that own pods.
    var supervisors: [Int32] { processes.filter(ownsPod) }

    /// Whether a process is a supervisor of a pod: started for it, or no longer where it waited for one.
    private func ownsPod(_ pid: Int32) -> Bool {
        let words = commandLine(pid).split(separator: "\0").map(String.init)
        guard words.count == 2, words[0].hasSuffix("martlet-supervisor") else { return false }
        let isAdopted = words[1].hasPrefix("/run/martlet-\(mark)/parked/") && !fileExists(words[1])
        return words[1].hasPrefix("\(data)/pods/") || isAdopted
    }

    /// The supervisors that wait for a pod and can be given to one.
    var parked: [Int32] {
        let folder = "/run/martlet-\(mark)/parked"
        return ((try? listDirectory(folder)) ?? []).sorted().compactMap { id in
            // It writes itself down, and then listens.
            guard fileExists("\(folder)/\(id)/supervisor.sock") else { return nil }
            let text = (try? readText("\(folder)/\(id)/supervisor.pid")) ?? ""
            return text.split(separator: " ").first.flatMap { Int32($0) }
        }
    }

    /// The load balancer's and the DNS server's processes.
    func helpers() -> [Int32] {
        processes.filter {
            let words = commandLine($0)
            return words.contains("/run/martlet-\(mark)/proxy/") || words.contains("/run/martlet-\(mark)/dns/")
        }
    }

    func children(of pid: Int32) -> [Int32] {
        let threads = (try? listDirectory("/proc/\(pid)/task")) ?? []
        return threads.flatMap { thread -> [Int32] in
            let text = (try? readText("/proc/\(pid)/task/\(thread)/children")) ?? ""
            return text.split(separator: " ").compactMap { Int32($0) }
        }
    }

    /// The supervisor of a pod, as it has written itself down.
    func supervisor(of podUID: String) -> Int32? {
        let text = (try? readText("/run/martlet-\(mark)/pods/\(podUID)/supervisor.pid")) ?? ""
        let recorded = text.split(separator: " ").first.flatMap { Int32($0) }
        return supervisors.first { $0 == recorded }
    }

    private var processes: [Int32] { ((try? listDirectory("/proc")) ?? []).compactMap { Int32($0) } }

    private func commandLine(_ pid: Int32) -> String { (try? readText("/proc/\(pid)/cmdline")) ?? "" }

    /// The first process of a container that runs: the one in its cgroup that leads its pid namespace.
    func firstProcess(of podUID: String, _ container: String) throws -> (pid: Int32, started: UInt64) {
        try eventually("the first process of \(container)", within: 10) {
            for path in cgroups where path.contains(podUID) {
                // One cgroup for each attempt; of those only the newest has processes.
                for name in try listDirectory(path) where name.hasPrefix("\(container).") {
                    let pids = ((try? readText("\(path)/\(name)/cgroup.procs")) ?? "").split(separator: "\n")
                        .compactMap { Int32($0) }
                    if let pid = pids.first(where: isFirst), let started = processStartTime(pid) {
                        return (pid, started)
                    }
                }
            }
            return nil
        }
    }

    /// Whether a process is number 1 of its pid namespace (proc_pid_status(5), NSpid).
    private func isFirst(_ pid: Int32) -> Bool {
        let status = (try? readText("/proc/\(pid)/status")) ?? ""
        let line = status.split(separator: "\n").first { $0.hasPrefix("NSpid:") } ?? ""
        return line.split(separator: "\t").last == "1" && line.split(separator: "\t").count > 2
    }
}

/// Whether a directory is there.
func isDirectory(_ path: String) -> Bool {
    var status = stat()
    return stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR
}
