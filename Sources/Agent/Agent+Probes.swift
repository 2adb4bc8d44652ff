import ContainerRuntime
import Glibc
import Model
import Threads

extension Agent {
    /// Makes a check; its result comes back as a message.
    func probe(_ request: ProbeRequest) {
        let messages = messages
        let probe = request.probe
        if probe.exec != nil {
            probeJobs.send(request)
            return
        }
        guard let (exchange, port) = Self.exchange(for: request) else {
            messages.send(.probed(request.key, failure: "the container has no port of that name"))
            return
        }
        prober.add(
            NetworkProber.Check(address: request.address, port: port, exchange: exchange, timeout: probe.timeout) {
                messages.send(.probed(request.key, failure: $0))
            })
    }

    /// What is said over the connection, and the port; nil when a named port is unknown.
    static func exchange(for request: ProbeRequest) -> (any ProbeExchange, Int)? {
        func number(_ reference: PortReference) -> Int? {
            switch reference {
            case .number(let number): number
            case .name(let name): request.ports.first { $0.name == name }?.containerPort
            }
        }
        if let action = request.probe.httpGet, let port = number(action.port) {
            return (HTTPProbe(action, address: request.address, port: port), port)
        }
        if let action = request.probe.tcpSocket, let port = number(action.port) { return (TCPProbe(), port) }
        if let action = request.probe.grpc, let port = number(action.port) {
            return (GRPCProbe(service: action.service ?? "", authority: "\(request.address):\(port)"), port)
        }
        return nil
    }

    /// Runs probes' commands until the agent stops.
    func probeCommands() {
        while let request = probeJobs.receive() {
            messages.send(.probed(request.key, failure: runCommand(of: request)))
        }
    }

    /// Runs a probe's command; returns what went wrong, or nil when it exited 0.
    private func runCommand(of request: ProbeRequest) -> String? {
        let key = request.key
        let config = ExecConfig(command: request.probe.exec?.command ?? [])
        let session: ExecSession
        do throws(RuntimeError) {
            session = try parts.runtime.exec(podUID: key.podUID, name: key.container, attempt: key.attempt, config)
        } catch {
            return error.message
        }
        defer {
            for descriptor in [
                session.standardInput, session.standardOutput, session.standardError, session.completion,
            ] {
                if let descriptor { close(descriptor) }
            }
        }
        let (output, isInTime) = Self.read(session, within: request.probe.timeout)
        guard isInTime else { return "the command did not end within \(request.probe.timeout)" }
        do throws(RuntimeError) {
            let code = try parts.runtime.execResult(session)
            return code == 0 ? nil : "the command exited with code \(code)\(output.isEmpty ? "" : ": \(output)")"
        } catch {
            return error.message
        }
    }

    /// Reads a command's output until it has ended; returns its first line.
    private static func read(_ session: ExecSession, within limit: TimeSpan) -> (output: String, isInTime: Bool) {
        let deadline = MachineClock.monotonic + limit
        var open = [session.standardOutput, session.standardError].compactMap { $0 }
        var text: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 4096)
        while true {
            let rest = (deadline - MachineClock.monotonic).wholeMilliseconds
            guard rest > 0 else { return ("", false) }
            var entries = (open + [session.completion]).map { pollfd(fd: $0, events: Int16(POLLIN), revents: 0) }
            _ = poll(&entries, nfds_t(entries.count), Int32(clamping: rest))
            for entry in entries.dropLast() where entry.revents != 0 {
                let count = Glibc.read(entry.fd, &buffer, buffer.count)
                if count > 0 { text += buffer.prefix(min(count, max(0, 1024 - text.count))) }
                if count <= 0 { open.removeAll { $0 == entry.fd } }
            }
            if let last = entries.last, last.revents != 0 {
                let line = text.split(separator: 0x0A).first ?? []
                return (String(decoding: line.prefix(200), as: UTF8.self), true)
            }
        }
    }
}
