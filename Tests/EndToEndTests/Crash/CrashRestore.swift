import Glibc
import Linux
import Testing

extension CrashRun {
    private var backup: String { "\(parentDirectory(of: cluster.data))/backup" }

    /// Restores a backup by a command that dies, starts the server on what that has left, and restores it again.
    func restore(armed target: String) throws {
        try cluster.start()
        try change()
        let before = acknowledged
        try command("backup", "-o", backup, "--force")
        try change()
        try cluster.stop()
        let output = try cluster.run(restoring(armed: target))
        guard output.code == (target.isEmpty ? 0 : 128 + SIGKILL) else { throw CrashProblem("\(output)") }
        // Whole is what is there: the old or the new.
        acknowledged = before
        try cluster.start()
        try check()
        try cluster.stop()
        try command("restore", "--from", backup, "--force")
        attempted = before
        try cluster.start()
        try check()
        for name in try listDirectory(cluster.data) where name.contains(".old-") {
            try removeTree("\(cluster.data)/\(name)")
        }
    }

    private func restoring(armed target: String) -> [String] {
        unlink(trace)
        let plan = [
            "MARTLET_FAILPOINT": target, "MARTLET_FAILPOINT_TRACE": trace, "MARTLET_FAILPOINT_PROCESS": "command",
        ]
        return ["env"] + plan.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }
            + ["\(Cluster.programs)/martlet", "restore", "--from", backup, "--force"]
    }

    private func command(_ words: String...) throws {
        let output = try cluster.run(["martlet"] + words)
        guard output.code == 0 else { throw CrashProblem("\(output)") }
    }
}
