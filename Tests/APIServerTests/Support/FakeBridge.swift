import Model
import Synchronization
import Wire

/// A node without containers: it says what tests tell it to say.
final class FakeBridge: NodeBridge {
    let lines = Mutex<[String]>(["first", "second"])
    let requests = Mutex<[PodLogRequest]>([])
    let used = Mutex<NodeUsage?>(nil)
    /// What was carried in the last so many seconds.
    let carried = Mutex<[Int: [TrafficKey: TrafficSummary]]>([:])
    let totals = Mutex<[TrafficKey: TrafficTotal]>([:])
    let error = Mutex<NodeBridgeError?>(nil)
    /// Writes a log instead of the lines.
    let writer = Mutex<(@Sendable (any PodLogSink) -> Void)?>(nil)

    func streamLog(_ request: PodLogRequest, to sink: any PodLogSink) throws(NodeBridgeError) {
        requests.withLock { $0.append(request) }
        if let error = error.withLock({ $0 }) { throw error }
        if let writer = writer.withLock({ $0 }) { return writer(sink) }
        for line in lines.withLock({ $0 }) { _ = sink.write(Array("\(line)\n".utf8)) }
    }

    func usage() -> NodeUsage? { used.withLock { $0 } }
    func traffic(seconds: Int) -> [TrafficKey: TrafficSummary] { carried.withLock { $0[seconds] ?? [:] } }
    func trafficTotals() -> [TrafficKey: TrafficTotal] { totals.withLock { $0 } }

    /// Says the command back, then what comes on standard input, and ends with the exit code that the command asks for.
    func exec(
        _ request: PodExecRequest, started: () -> (any PodExecChannel)?
    ) throws(NodeBridgeError) -> Int {
        if let error = error.withLock({ $0 }) { throw error }
        guard let channel = started() else { return 0 }
        _ = channel.send(stdout: Array((request.command.joined(separator: " ") + "\n").utf8))
        _ = channel.send(stderr: Array("to \(request.container)\n".utf8))
        while request.stdin, let input = channel.receive(), input != .endOfStdin {
            if case .stdin(let bytes) = input { _ = channel.send(stdout: bytes) }
        }
        return request.command.first == "exit" ? Int(request.command.last ?? "") ?? 1 : 0
    }
}
