/// A command of HAProxy's runtime interface (management guide, section 9.3).
public enum RuntimeCommand: Sendable, Hashable {
    /// Adds a server, which gets no requests yet.
    case add(ServerName, address: String, number: Int, options: [String])
    /// Gives a server requests.
    case ready(ServerName)
    /// Gives a server no more requests, except those of users that are bound to it.
    case drain(ServerName)
    /// Gives a server no more requests at all; those in flight go on.
    case maintain(ServerName)
    /// Gives a server another address.
    case move(ServerName, address: String)
    /// Sets how many requests a server gets at once; 0 for any number.
    case limit(ServerName, connections: Int)
    /// Removes a server that is out of service and has no connection any more.
    case remove(ServerName)
    /// Cuts what a server still has.
    case cut(ServerName)
    /// Changes a value of a map.
    case set(MapFile.Name, key: String, value: String)
    /// Adds a value to a map that does not have the key.
    case insert(MapFile.Name, key: String, value: String)
    /// Removes a key of a map.
    case delete(MapFile.Name, key: String)

    /// The backend whose table counts the WebSockets of each pod.
    public static let tunnelTable = "tunnels"
    /// Asks for all servers and backends.
    public static let showStatistics = "show stat -1 6 -1"
    /// Asks for what a process knows of itself.
    public static let showInformation = "show info"
    /// Asks for the WebSockets of each pod.
    public static let showTunnels = "show table \(tunnelTable)"

    /// What a server that is added at runtime has to be told, because it inherits nothing: that connections to it are kept, any
    /// number of them, until nobody has needed them for so long. HAProxy 2.6 makes a connection for each request otherwise.
    private static let reuse = "pool-max-conn -1 pool-purge-delay 5s"

    /// The command as it is sent.
    ///
    /// - Parameter directory: where the maps are.
    public func text(directory: String) -> String {
        switch self {
        case .add(let server, let address, let number, let options):
            (["add server \(server) \(address) id \(number)", Self.reuse] + options).joined(separator: " ")
        case .ready(let server): "set server \(server) state ready"
        case .drain(let server): "set server \(server) state drain"
        case .maintain(let server): "set server \(server) state maint"
        case .move(let server, let address): Self.moveText(server, address)
        case .limit(let server, let connections): "set maxconn server \(server) \(connections)"
        case .remove(let server): "del server \(server)"
        case .cut(let server): "shutdown sessions server \(server)"
        case .set(let map, let key, let value): "set map \(directory)/\(map.rawValue) \(key) \(value)"
        case .insert(let map, let key, let value): "add map \(directory)/\(map.rawValue) \(key) \(value)"
        case .delete(let map, let key): "del map \(directory)/\(map.rawValue) \(key)"
        }
    }

    private static func moveText(_ server: ServerName, _ address: String) -> String {
        guard let colon = address.lastIndex(of: ":") else { return "set server \(server) addr \(address)" }
        return "set server \(server) addr \(address[..<colon]) port \(address[address.index(after: colon)...])"
    }

    /// Why a command failed, from what HAProxy answered; nil when it did not.
    public func failure(_ answer: String) -> String? {
        let answer = answer.split(separator: "\n").joined(separator: "; ")
        if answer.isEmpty { return nil }
        switch self {
        case .add where answer.hasPrefix("New server registered"): return nil
        case .remove where answer.hasPrefix("Server deleted"): return nil
        case .remove where answer.hasPrefix("No such server"): return nil
        // What changes an address tells what it has changed.
        case .move where answer.contains("changed from") || answer.hasPrefix("no need to change"): return nil
        default: return answer
        }
    }

    /// Whether a failure only means that it is to be tried again: a server still has connections.
    public static func isBusy(_ failure: String) -> Bool {
        failure.contains("still has connections") || failure.contains("idle connections")
    }

    /// Whether a key can stand in a command as it is.
    static func isPlain(_ key: String) -> Bool {
        key.utf8.allSatisfy { byte in
            switch byte {
            case 0x30...0x39, 0x41...0x5A, 0x61...0x7A: true
            default: "._~/*%:-+@=&,()$".utf8.contains(byte)
            }
        }
    }
}

/// A server of a backend: a pod.
public struct ServerName: Sendable, Hashable, Comparable, CustomStringConvertible {
    /// The backend.
    public var backend: String
    /// The pod's identity.
    public var podUID: String

    /// Names a server.
    public init(_ backend: String, _ podUID: String) {
        self.backend = backend
        self.podUID = podUID
    }

    /// `BACKEND/SERVER`, as commands write it.
    public var description: String { "\(backend)/\(podUID)" }
    /// Orders by backend and pod.
    public static func < (left: ServerName, right: ServerName) -> Bool {
        (left.backend, left.podUID) < (right.backend, right.podUID)
    }
}

/// Commands on lines that HAProxy takes, and its answers taken apart again.
public enum RuntimeBatch {
    /// How many bytes a line may have: HAProxy reads it into one buffer.
    public static let lineLimit = 12_000

    /// Puts commands on as few lines as their lengths allow, in order. Commands whose answers do not say where they end have
    /// lines of their own.
    public static func lines(_ commands: [String]) -> [[String]] {
        var lines: [[String]] = []
        var length = lineLimit
        for command in commands {
            length += command.utf8.count + 1
            let isAlone = command.hasPrefix("del server ")
            if length > lineLimit || isAlone {
                lines.append([])
                length = command.utf8.count + 1
            }
            lines[lines.count - 1].append(command)
            if isAlone { length = lineLimit }
        }
        return lines
    }

    /// The answer to each of the commands of a line: where there are several, each ends with an empty line.
    ///
    /// - Returns: nil when there are fewer answers than commands.
    public static func answers(_ text: String, count: Int) -> [String]? {
        if count == 1 { return [text.split(separator: "\n").joined(separator: "\n")] }
        var answers: [String] = []
        var lines: [Substring] = []
        for line in text.split(separator: "\n", omittingEmptySubsequences: false).dropLast() {
            if line.isEmpty {
                answers.append(lines.joined(separator: "\n"))
                lines = []
                if answers.count == count { return answers }
            } else {
                lines.append(line)
            }
        }
        return nil
    }
}
