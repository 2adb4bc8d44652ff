import Glibc
import Linux

/// Asks one of HAProxy's sockets for commands, and returns the whole answer.
func ask(_ path: String, _ question: String) throws -> String {
    let connection = try Descriptor(owning: UnixSocket.connect(path: path, seconds: 5))
    let bytes = Array("\(question)\n".utf8)
    guard write(connection.raw, bytes, bytes.count) == bytes.count else { throw LinuxError.last("write", path: path) }
    // The master waits for more otherwise.
    shutdown(connection.raw, Int32(SHUT_WR))
    return String(decoding: try readAll(connection.raw, path: path, limit: 64 << 20), as: UTF8.self)
}

/// HAProxy's master, which knows how often its configuration was loaded anew.
struct MasterSocket {
    let path: String

    func reloads() throws -> Int {
        let answer = try answered()
        for line in answer.split(separator: "\n") {
            let words = line.split(separator: " ")
            if words.count > 2, words[1] == "master", let count = Int(words[2]) { return count }
        }
        throw BenchmarkError("HAProxy's master answered \"\(answer.prefix(200))\"")
    }

    /// While it executes itself anew, at a reload, it does not answer.
    private func answered() throws -> String {
        let start = MachineTime.now
        while true {
            do {
                return try ask(path, "show proc")
            } catch {
                guard MachineTime.now - start < 10_000 else { throw error }
                usleep(20_000)
            }
        }
    }
}
