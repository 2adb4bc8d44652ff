import Failpoints
import Glibc
import Linux

/// A process that runs in a container by request of a client.
final class ExecProcess {
    let pid: Int32
    let pidfd: Int32
    /// The end of a pipe into which the exit code goes.
    let completion: Int32

    init(_ process: StartedProcess, completion: Int32) {
        pid = process.pid
        pidfd = process.pidfd
        self.completion = completion
    }

    deinit {
        close(pidfd)
        close(completion)
    }
}

extension Supervisor {
    /// Starts a process in a container; with the reply go the client's ends of its streams.
    func exec(_ request: ExecRequest) -> (SupervisorReply, [Int32]) {
        guard let container = containers[request.container], container.exit == nil else {
            return (.failed(kind: .notFound, message: "container \(request.container) does not run"), [])
        }
        guard !request.arguments.isEmpty else { return (.failed(kind: .invalid, message: "no command"), []) }
        do {
            return try start(request, in: container)
        } catch {
            let isProgram = (error as? LaunchError)?.isProgramFailure ?? false
            return (.failed(kind: isProgram ? .startFailed : .system, message: "\(error)"), [])
        }
    }

    private func start(
        _ request: ExecRequest, in container: SupervisedContainer
    ) throws -> (SupervisorReply, [Int32]) {
        let streams = try LaunchStreams(terminal: request.terminal, stdin: request.stdin)
        defer { streams.closeProcessSide() }
        let pipe = try Pipe()
        let completion = Descriptor(owning: pipe.reading)
        let writing = Descriptor(owning: pipe.writing)
        failpoint(.execReceived)
        let process = try launch(request, in: container, streams).start()
        failpoint(.execStarted)
        try watch(ExecProcess(process, completion: writing.release()))
        let own = request.terminal ? [streams.receiveTerminal()].compactMap { $0 } : streams.takeAllOwn()
        return (.started(pid: process.pid), own + [completion.release()])
    }

    private func launch(
        _ request: ExecRequest, in container: SupervisedContainer, _ streams: LaunchStreams
    ) -> Launch {
        var identity = container.request.identity
        let start: [LaunchStep] =
            request.terminal ? [.joinCgroups, .terminal(user: identity.userOnNode)] : [.joinCgroups]
        if request.terminal, !identity.environment.contains(where: { $0.hasPrefix("TERM=") }) {
            identity.environment.append("TERM=xterm")
        }
        var launch = Launch(steps: start + identity.steps(arguments: request.arguments))
        launch.namespaces = ContainerNamespaces.joined
        launch.join = container.pidfd
        launch.userNamespace = userNamespace
        launch.isNotSpared = true
        launch.cgroup = container.cgroup
        launch.cgroupProcs = container.cgroupProcs
        launch.streams = streams.process
        launch.terminalSocket = streams.terminalSocket?.process
        return launch
    }

    /// Waits for the end of a process without holding anybody up; one for whose end nobody could wait is ended.
    private func watch(_ exec: ExecProcess) throws(LinuxError) {
        do {
            try register(exec)
            execs[exec.pidfd] = exec
        } catch {
            endChild(exec.pidfd)
            throw error
        }
    }

    private func register(_ exec: ExecProcess) throws(LinuxError) {
        // A pipe's writing end reports an error once nobody holds the reading one (poll(2)): the client has gone, and
        // with it whoever could end the process.
        var abandonment: EventLoop.Token?
        abandonment = try loop.add(exec.completion) { [weak self, weak exec] _ in
            guard let self, let exec else { return }
            if let abandonment { loop.remove(abandonment) }
            // With its children: it began a session of its own (setsid(2)). The number is its own until it is reaped.
            kill(-exec.pid, SIGKILL)
        }
        var token: EventLoop.Token?
        do {
            token = try loop.add(exec.pidfd) { [weak self, weak exec] _ in
                guard let self, let exec, let end = try? reapChild(pidfd: exec.pidfd) else { return }
                for token in [token, abandonment].compactMap({ $0 }) { loop.remove(token) }
                failpoint(.execEnded)
                // Nobody may be interested any more (EPIPE).
                var code = end.exitCode
                while withUnsafeBytes(of: &code, { write(exec.completion, $0.baseAddress, $0.count) }) < 0,
                    errno == EINTR
                {}
                execs[exec.pidfd] = nil
            }
        } catch {
            if let abandonment { loop.remove(abandonment) }
            throw error
        }
    }
}
