import Failpoints
import Glibc
import Linux
import Store

/// `martlet restore`: makes the store of a data directory anew from a backup.
enum RestoreCommand {
    static let command = Command(
        path: ["restore"], summary: "Make the store of a data directory anew from a backup",
        usage: "--from FILE [--data-dir DIRECTORY] [--force]",
        discussion: """
            Everything is as it was at the backup's revision: the same objects with the same uids and resource versions, and
            the same keys, so that kubeconfig files stay good. Containers that run are not touched; the next `martlet up` takes
            over those whose pods are in the backup, and ends those whose pods are not.

            No server may run with the data directory. A store that is there is refused, or with --force moved aside, where it
            stays until you remove it.
            """,
        options: [
            .dataDirectory, .init("from", .value("FILE"), "The backup"),
            .init("force", .flag, "Move the store that is there aside"),
        ],
        examples: [
            "martlet restore --from /backup/martlet-2026-01-31.backup",
            "martlet restore --from /backup/martlet-2026-01-31.backup --data-dir /srv/martlet --force",
        ],
        run: run)

    private static func run(_ call: Invocation) throws -> Int32 {
        guard let path = call.value("from"), !path.isEmpty, call.arguments.isEmpty else {
            throw UsageError(message: "say from which backup: --from FILE", path: ["restore"])
        }
        let installation = try Installation(call)
        let backup = try Backup(path: path)
        let lock = try InstallationLock(installation)
        defer { withExtendedLifetime(lock) {} }
        let folder = parentDirectory(of: installation.database)
        let isThere = ((try? listDirectory(folder)) ?? []).contains { $0.hasPrefix("martlet.db") }
        guard !isThere || call.flag("force") else {
            throw CommandFailure(message: "there is a store in \(folder); to move it aside: --force")
        }
        // Keys first: should this end half-way, the old store is still there, and the command can be repeated.
        if !backup.keys.isEmpty { try replace(installation.pki, call) { try write(backup.keys, to: $0) } }
        try replace(folder, call) { try write(backup.snapshot, to: $0) }
        call.context.print(
            "restored \(backup.snapshot.objects.count) objects at revision \(backup.snapshot.revision), of \(backup.made)"
        )
        if backup.keys.isEmpty {
            call.context.note(
                "the backup has no keys: kubeconfig files are good only if the keys here are the old ones")
        }
        call.context.print("go on with: martlet up --data-dir \(installation.data)")
        return 0
    }

    /// Fills a new folder and has it take the place of one that may be there, in one instant. The old one stays beside it.
    private static func replace(_ folder: String, _ call: Invocation, fill: (String) throws -> Void) throws {
        let new = "\(folder).new"
        try removeTree(new)
        try makeDirectories(new, mode: 0o700)
        try fill(new)
        try syncDirectory(new)
        if fileExists(folder) {
            // An exchange: at no moment is there no store, which the next `martlet up` would take for an empty one.
            try exchangeDurably(new, folder)
            let old = unused("\(folder).old")
            try systemCall("rename", path: old) { rename(new, old) }
            failpoint(.directoryRenamed, old)
            call.context.print("what was in \(folder) is in \(old)")
        } else {
            try systemCall("rename", path: folder) { rename(new, folder) }
            failpoint(.directoryRenamed, folder)
        }
        try syncDirectory(parentDirectory(of: folder))
    }

    private static func unused(_ path: String) -> String {
        var number = 1
        while fileExists("\(path)-\(number)") { number += 1 }
        return "\(path)-\(number)"
    }

    private static func write(_ keys: [Backup.File], to folder: String) throws {
        for file in keys { try writeDurably("\(folder)/\(file.name)", file.content, mode: file.mode) }
    }

    private static func write(_ snapshot: StoreSnapshot, to folder: String) throws {
        let database = "\(folder)/martlet.db"
        try SQLiteStore.make(database, from: snapshot)
        guard try StoreAccess.read(database).text == snapshot.text else {
            throw CommandFailure(message: "\(database) does not hold what was written to it: the disk may be failing")
        }
    }
}
