import Glibc
import Model
import Threads

/// A Docker daemon by its API: the command line would cost 20 ms a call.
final class DockerEngine {
    private let connection: Connection

    init(socket: String) throws { connection = try Connection(.docker(socket: socket)) }

    @discardableResult
    func request(_ method: String, _ path: String, _ body: JSONValue? = nil) throws -> JSONValue {
        let answer = try connection.answer(method, path, body?.serialized() ?? (method == "POST" ? [] : nil))
        return answer.isEmpty ? .null : try JSONValue(parsing: answer)
    }

    /// Asks until the answer is as wanted, with a little time between so that asking costs the daemon little.
    func await(_ what: String, _ path: String, _ isReached: (JSONValue) -> Bool) throws {
        let end = MachineClock.monotonic + .seconds(300)
        while !isReached(try request("GET", path)) {
            guard MachineClock.monotonic < end else { throw BenchmarkError("docker: no \(what) within five minutes") }
            usleep(20_000)
        }
    }
}
