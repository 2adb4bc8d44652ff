import CLinux
import Failpoints
import Glibc
import Linux
import Supervision

extension LinuxPodRuntime {
    /// See `PodRuntime`.
    public func exec(
        podUID: String, name: String, attempt: Int, _ config: ExecConfig
    ) throws(RuntimeError) -> ExecSession {
        let pod = try paths(podUID)
        let key = try ContainerKey(name: name, attempt: attempt)
        guard !config.command.isEmpty, !config.command.contains(where: { $0.utf8.contains(0) }) else {
            throw RuntimeError(.invalid, "the command is empty or contains a zero byte")
        }
        let request = ExecRequest(
            container: "\(key)", arguments: config.command, terminal: config.terminal, stdin: config.stdin)
        let (_, descriptors) = try ask(connected(pod), .exec(request))
        failpoint(.execAnswered)
        let inputs = config.stdin ? 1 : 0
        guard descriptors.count == (config.terminal ? 2 : 3 + inputs) else {
            for descriptor in descriptors { close(descriptor) }
            throw RuntimeError(.supervisorLost, "the supervisor gave an unexpected answer")
        }
        if config.terminal {
            return ExecSession(
                terminal: descriptors[0], standardInput: nil, standardOutput: nil, standardError: nil,
                completion: descriptors[1])
        }
        return ExecSession(
            terminal: nil, standardInput: config.stdin ? descriptors[0] : nil, standardOutput: descriptors[inputs],
            standardError: descriptors[inputs + 1], completion: descriptors[inputs + 2])
    }

    /// See `PodRuntime`.
    public func execResult(_ session: ExecSession) throws(RuntimeError) -> Int {
        var code: Int32 = 0
        let count = try RuntimeError.wrapping { () throws(LinuxError) in
            try systemCall("read") { withUnsafeMutableBytes(of: &code) { read(session.completion, $0.baseAddress, 4) } }
        }
        guard count == 4 else {
            throw RuntimeError(.supervisorLost, "the supervisor ended before the process did")
        }
        return Int(code)
    }

    /// See `PodRuntime`.
    public func resize(_ session: ExecSession, rows: UInt16, columns: UInt16) throws(RuntimeError) {
        guard let terminal = session.terminal else {
            throw RuntimeError(.invalid, "the process has no terminal")
        }
        try RuntimeError.wrapping { () throws(LinuxError) in
            try systemCall("ioctl") { linux_set_window_size(terminal, rows, columns) }
        }
    }
}
