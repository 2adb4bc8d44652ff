import Failpoints
import Glibc
import Linux
import Model

extension Supervisor {
    /// Launches a container, unless it was launched before. A failure is recorded: the same container is not tried again.
    func launch(_ request: LaunchRequest, _ descriptors: CgroupDescriptors) -> SupervisorReply {
        if let known = containers[request.container] {
            descriptors.close()
            return .container(known.record)
        }
        do {
            let container = try start(request, descriptors)
            containers[request.container] = container
            return .container(container.record)
        } catch {
            return launchFailed(request, error)
        }
    }

    private func launchFailed(_ request: LaunchRequest, _ error: any Error) -> SupervisorReply {
        let kind = (error as? LaunchError)?.isProgramFailure == true ? FailureKind.startFailed : .system
        switch error {
        case let error as LaunchError where !error.isOfStep:
            // There never was a process: the same may be tried again.
            unlink("\(request.directory)/\(SupervisorFiles.launched)")
        case is LaunchError, is Unwatched:
            // What the process could not do in its surroundings it will not be able to do next time either.
            let exit = ExitRecord(
                startedAt: nil, finishedAt: wallClock(), exitCode: 128, signal: nil, outOfMemory: false,
                failure: "\(error)")
            do {
                try SupervisedContainer.record(exit, directory: request.directory)
            } catch {
                complain("record the failure of \(request.container): \(error)")
            }
        default: break
        }
        return .failed(kind: kind, message: "\(error)")
    }

    private func start(
        _ request: LaunchRequest, _ descriptors: CgroupDescriptors
    ) throws -> SupervisedContainer {
        failpoint(.launchReceived, request.container)
        var descriptors: CgroupDescriptors? = descriptors
        defer { descriptors?.close() }
        let log = try LogWriter(request.log)
        let streams = try LaunchStreams(terminal: request.terminal)
        defer { streams.closeProcessSide() }
        let oomKills = SupervisedContainer.oomKills(request.oomCounter)
        // From here on the container may have run.
        try writeFile("\(request.directory)/\(SupervisorFiles.launched)", create: "")
        failpoint(.launchMarked, request.container)
        var launch = Launch(steps: steps(for: request))
        launch.namespaces = request.namespaces
        launch.userNamespace = userNamespace
        launch.isNotSpared = true
        launch.cgroup = descriptors?.unified
        launch.cgroupProcs = descriptors?.procs ?? []
        launch.streams = streams.process
        launch.terminalSocket = streams.terminalSocket?.process
        let startedAt = wallClock()
        let process = try start(launch, usingHelper: request.usesHelper)
        failpoint(.containerStarted, request.container)
        let terminal = streams.receiveTerminal()
        let container = SupervisedContainer(
            request, process, startedAt: startedAt,
            descriptors: descriptors ?? CgroupDescriptors([], hasUnified: false),
            terminal: terminal, oomKillsBefore: oomKills)
        descriptors = nil
        do {
            try watch(container, streams, log)
        } catch {
            end(container)
            throw Unwatched(cause: error)
        }
        if let limit = request.limitAfterStart {
            do { try writeFile(limit.path, limit.value) } catch { complain("set a limit: \(error)") }
        }
        return container
    }

    /// Starts a process by the helper, which is in the container's cgroups, or in any case without it. Where the helper is not
    /// used it is ended: it may be in the cgroups of this very container, by an attempt that was interrupted.
    private func start(_ launch: Launch, usingHelper: Bool) throws(LaunchError) -> StartedProcess {
        let helper = self.helper
        self.helper = nil
        guard usingHelper, let helper else { return try launch.start() }
        var ahead = launch
        ahead.helper = helper
        ahead.cgroupProcs = []
        do {
            return try ahead.start()
        } catch  where error.failure == .cloning && error.errno == ESRCH {
            return try launch.start()  // Somebody has killed it.
        }
    }

    /// Ends a container of whose end and output nobody would know.
    private func end(_ container: SupervisedContainer) {
        for pump in container.pumps { pump.finish() }
        container.pumps = []
        endChild(container.pidfd)
    }

    /// Kills a child and reaps it.
    func endChild(_ pidfd: Int32) {
        try? signalProcess(pidfd: pidfd, signal: SIGKILL)
        _ = awaitReadable(pidfd, milliseconds: 10_000)
        if (try? reapChild(pidfd: pidfd)) == nil { complain("a child that was killed does not end") }
    }

    private func steps(for request: LaunchRequest) -> [LaunchStep] {
        request.rootSteps + request.identity.steps(arguments: request.arguments)
    }

    private func watch(
        _ container: SupervisedContainer, _ streams: LaunchStreams, _ log: LogWriter
    ) throws(LinuxError) {
        if let terminal = container.terminal {
            container.pumps = [
                try OutputPump(try duplicate(terminal), stream: "stdout", log: log, loop: loop)
            ]
        } else {
            for stream in ["stdout", "stderr"] {
                let descriptor = streams.takeOwn()
                container.pumps.append(try OutputPump(descriptor, stream: stream, log: log, loop: loop))
            }
        }
        container.endToken = try loop.add(container.pidfd) { [weak self, weak container] _ in
            if let container { self?.containerEnded(container) }
        }
    }
}

/// A container whose process runs, and whose end or output could not be watched.
private struct Unwatched: Error, CustomStringConvertible {
    var cause: LinuxError
    var description: String { "watch the container: \(cause)" }
}
