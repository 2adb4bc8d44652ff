import ContainerRuntime
import Glibc
import Linux
import Model
public import Wire

extension Agent: NodeBridge {
    /// Reads a container's log into a sink; with `follow`, until the container ends or nobody listens.
    public func streamLog(_ request: PodLogRequest, to sink: any PodLogSink) throws(NodeBridgeError) {
        let attempts = logAttempts(request.podUID, request.container)
        guard let newest = attempts.last else {
            throw NodeBridgeError(status: 404, message: "container \"\(request.container)\" has no log yet")
        }
        let attempt: Int
        if request.previous {
            guard attempts.count > 1 else {
                throw NodeBridgeError(
                    status: 400,
                    message: "previous terminated container \"\(request.container)\" not found: it was not restarted")
            }
            attempt = attempts[attempts.count - 2]
        } else {
            attempt = newest
        }
        let runtime = parts.runtime
        let path = parts.paths.log(request.podUID, request.container, attempt)
        var reader = LogReader(path: path, request: request, sink: sink) {
            let observation = try? runtime.observe(podUID: request.podUID)
            let container = observation?.containers.first { $0.name == request.container && $0.attempt == attempt }
            switch container?.phase {
            case .running?, .creating?: return true
            default: return false
            }
        }
        do throws(LinuxError) {
            try reader.run()
        } catch {
            throw NodeBridgeError(status: 500, message: "reading the log failed: \(error)")
        }
    }

    private func logAttempts(_ podUID: String, _ container: String) -> [Int] {
        let names = (try? listDirectory("\(parts.paths.logs(podUID))/\(container)")) ?? []
        return names.compactMap { $0.hasSuffix(".log") ? Int($0.dropLast(4)) : nil }.sorted()
    }

    /// Runs a command in a container and returns its exit code.
    public func exec(
        _ request: PodExecRequest, started: () -> (any PodExecChannel)?
    ) throws(NodeBridgeError) -> Int {
        do throws(RuntimeError) {
            let sandbox = try parts.runtime.observe(podUID: request.podUID)
            let running = sandbox?.containers.last { container in
                guard container.name == request.container, case .running = container.phase else { return false }
                return true
            }
            guard let running else {
                throw RuntimeError(.notFound, "container \"\(request.container)\" is not running")
            }
            let config = ExecConfig(command: request.command, terminal: request.terminal, stdin: request.stdin)
            let session = try parts.runtime.exec(
                podUID: request.podUID, name: request.container, attempt: running.attempt, config)
            guard let channel = started() else {
                if let input = session.standardInput { close(input) }
                session.closeOutputs()
                throw RuntimeError(.system, "the client has gone")
            }
            return try ExecBridge(runtime: parts.runtime, session: session, channel: channel).run()
        } catch {
            throw NodeBridgeError(status: error.code == .notFound ? 409 : 400, message: error.message)
        }
    }
}
