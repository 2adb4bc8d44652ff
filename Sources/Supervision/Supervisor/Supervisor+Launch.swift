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
            descriptors.close()
            return launchFailed(request, error)
        }
    }

    private func launchFailed(_ request: LaunchRequest, _ error: any Error) -> SupervisorReply {
        guard let error = error as? LaunchError else { return .failed(kind: .system, message: "\(error)") }
        let kind = error.isProgramFailure ? FailureKind.startFailed : .system
        let exit = ExitRecord(
            startedAt: nil, finishedAt: wallClock(), exitCode: 128, signal: nil, outOfMemory: false,
            failure: error.description)
        // What the process could not do in its surroundings it will not be able to do next time either.
        if case .step = error.failure {
            do {
                try SupervisedContainer.record(exit, directory: request.directory)
            } catch {
                return .failed(kind: .system, message: error.description)
            }
        }
        return .failed(kind: kind, message: error.description)
    }

    private func start(
        _ request: LaunchRequest, _ descriptors: CgroupDescriptors
    ) throws -> SupervisedContainer {
        failpoint(.launchReceived, request.container)
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
        launch.cgroup = descriptors.unified
        launch.cgroupProcs = descriptors.procs
        launch.streams = streams.process
        launch.terminalSocket = streams.terminalSocket?.process
        let startedAt = wallClock()
        let process: StartedProcess
        do {
            process = try start(launch, usingHelper: request.usesHelper)
        } catch {
            streams.closeOwnSide()
            throw error
        }
        failpoint(.containerStarted, request.container)
        let terminal = streams.receiveTerminal()
        let container = SupervisedContainer(
            request, process, startedAt: startedAt, descriptors: descriptors, terminal: terminal,
            oomKillsBefore: oomKills)
        try watch(container, streams, log)
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
            for (descriptor, stream) in zip(streams.own, ["stdout", "stderr"]) {
                container.pumps.append(try OutputPump(descriptor, stream: stream, log: log, loop: loop))
            }
        }
        container.endToken = try loop.add(container.pidfd) { [weak self, weak container] _ in
            if let container { self?.containerEnded(container) }
        }
    }
}
