import Client
import Glibc
import Linux
import Store

/// The content of an installation's store: from the server that runs on it, else from the file.
struct StoreAccess {
    /// The exit code for a store that cannot be opened.
    static let unusable: Int32 = 3

    let snapshot: StoreSnapshot
    /// Whether a server answered: then the file itself was not looked at.
    let isLive: Bool

    /// Reads the store of an installation.
    static func open(_ call: Invocation, _ installation: Installation) throws -> StoreAccess {
        // Somebody who names a server means that one, wherever it is.
        guard call.value("kubeconfig") == nil, fileExists(installation.data) else {
            return StoreAccess(snapshot: try fetch(call.context.client(call)), isLive: true)
        }
        do {
            let lock = try InstallationLock(installation)
            defer { withExtendedLifetime(lock) {} }
            return StoreAccess(snapshot: try read(installation.database), isLive: false)
        } catch is InstallationInUse {
            let client = try CurlClient(Kubeconfig.load(path: installation.adminKubeconfig))
            return StoreAccess(snapshot: try fetch(client), isLive: true)
        }
    }

    /// Reads a database file that no server uses. Every row of it is checked; nothing is changed.
    static func read(_ path: String) throws -> StoreSnapshot {
        guard fileExists(path) || fileExists(path + "-wal") else {
            throw CommandFailure(message: "there is no store at \(path)", code: 2)
        }
        let store = try SQLiteStore(path: path)
        defer { store.close() }
        return StoreSnapshot(of: store)
    }

    private static func fetch(_ client: any APIClient) throws -> StoreSnapshot {
        var text: [UInt8] = []
        try client.stream("GET", "/snapshot", headers: []) { part in
            text += part
            return true
        }
        return try StoreSnapshot(text: text[...])
    }
}

/// A store that cannot be opened, with the ways out.
func refusal(of error: StoreError, _ installation: Installation) -> CommandFailure {
    CommandFailure(
        message: """
            \(error)
            nothing was changed. What is in it:    martlet fsck --data-dir \(installation.data)
            put a backup in its place:             martlet restore --from FILE --data-dir \(installation.data) --force
            """, code: StoreAccess.unusable)
}
