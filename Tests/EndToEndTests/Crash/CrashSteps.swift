import CLinux
import Glibc
import Linux
import Testing

/// Kills processes between their creation and their program's first instruction: each step of a launch once.
struct CrashSteps {
    let run: CrashRun

    /// Which launches, as `MARTLET_FAILPOINT` names them.
    enum Kind: String, CaseIterable {
        /// Of containers, by the supervisor.
        case container = "supervisor/launch-step@container:each"
        /// Of containers, by the helper of a supervisor that was ready.
        case ready = "supervisor/launch-step@ready:each"
        /// Of commands in containers, and the helper that joins their namespaces.
        case exec = "supervisor/launch-step@exec:each"
        /// Of supervisors, by the server.
        case supervisor = "up/launch-step@process:each"
    }

    /// Plays until every step had its death; then everything must be as if nothing had happened.
    ///
    /// - Returns: how many steps there are.
    func perform(_ kind: Kind) throws -> Int {
        try run.cluster.stop(SIGKILL)
        run.keepsReady = kind == .ready
        try run.start(armed: kind.rawValue)
        switch kind {
        case .container: try startContainers()
        case .ready: try startReady(kind)
        case .exec: try startCommands()
        case .supervisor: try startSupervisors()
        }
        let count = try allSteps(kind)
        try run.delete("many")
        try run.check()
        return count
    }

    private func startContainers() throws {
        try run.apply("many", "replicas: 24\n" + CrashRun.full, replicas: 24)
        try run.awaitAvailable(["many"], within: 90) { killWaiting() }
    }

    /// Only the first container of a pod is started by the helper; so pods are made until every step had its death.
    private func startReady(_ kind: Kind) throws {
        for _ in 0..<20 {
            try run.apply("many", "replicas: 16\n" + CrashStory.quick, replicas: 16)
            try run.awaitAvailable(["many"], within: 90) { killWaiting() }
            try run.delete("many")
            try run.`await`("the end of many") { try self.run.pods("many").isEmpty }
            let (steps, killed) = steps(kind)
            if steps == killed { return }
        }
    }

    private func startCommands() throws {
        try run.apply("many", "command: [sh, -c, 'exec sleep 1000']", replicas: 1)
        try run.awaitAvailable(["many"])
        guard let pod = try run.pods("many").first else { throw CrashProblem("many has no pod") }
        let (first, supervisor) = (
            try run.cluster.firstProcess(of: pod.uid, "many"), run.cluster.supervisor(of: pod.uid)
        )
        var steps = Set<String>()
        for _ in 0..<100 {
            let output = try run.cluster.run(["martlet", "exec", "many", "--", "true"])
            let killed = Set(PassedPlace.read(run.trace).filter { $0.mark == "killed" }.map(\.site))
            if killed == steps, output.code == 0 { break }
            // The helper that dies when it has started the command takes nothing with it.
            guard output.code != 0 || killed.subtracting(steps) == ["launch-step:\(LAUNCH_CLONED)"] else {
                throw CrashProblem("a command that was killed ended with 0: \(killed.subtracting(steps))")
            }
            steps = killed
        }
        // Whatever became of the commands: the container and its supervisor had no part in it.
        let after = (try run.cluster.firstProcess(of: pod.uid, "many"), run.cluster.supervisor(of: pod.uid))
        guard after.0 == first, after.1 == supervisor else {
            throw CrashProblem("the container was \(first) of \(supervisor ?? 0) and is \(after.0) of \(after.1 ?? 0)")
        }
    }

    private func startSupervisors() throws {
        try run.apply("many", "replicas: 8\ncommand: [sh, -c, 'exec sleep 1000']", replicas: 8)
        try run.awaitAvailable(["many"])
    }

    /// The first process of a pid namespace cannot kill itself; it waits to be killed from outside.
    private func killWaiting() {
        for supervisor in run.cluster.supervisors {
            let children = (try? readText("/proc/\(supervisor)/task/\(supervisor)/children")) ?? ""
            for pid in children.split(separator: " ").compactMap({ Int32($0) }) where isPaused(pid) {
                kill(pid, SIGKILL)
            }
        }
    }

    /// Whether a process waits in pause(2) and has not yet executed its program (proc_pid_syscall(5)).
    private func isPaused(_ pid: Int32) -> Bool {
        guard let name = try? readText("/proc/\(pid)/comm"), name.hasPrefix("martlet-supervi"),
            let call = try? readText("/proc/\(pid)/wchan")
        else { return false }
        return call.contains("pause")
    }

    /// The steps that there are, and those at which a process died.
    private func steps(_ kind: Kind) -> (all: Set<String>, killed: Set<String>) {
        let trace = PassedPlace.read(run.trace)
        let detail = kind.rawValue.split(separator: "@")[1].split(separator: ":")[0]
        let steps = trace.filter { $0.site.hasPrefix("launch-step") && $0.detail == detail }
        return (Set(steps.map(\.site)), Set(trace.filter { $0.mark == "killed" }.map(\.site)))
    }

    /// Checks that each step had its death, and counts them.
    private func allSteps(_ kind: Kind) throws -> Int {
        let (steps, killed) = steps(kind)
        guard !steps.isEmpty, killed == steps else {
            throw CrashProblem("no process died at \(steps.subtracting(killed).sorted())")
        }
        return steps.count
    }
}
