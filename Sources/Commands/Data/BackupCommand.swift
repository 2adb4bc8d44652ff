import Glibc
import Linux
import Model
import Store

/// `martlet backup`: copies everything that is stored into one file.
enum BackupCommand {
    static let command = Command(
        path: ["backup"], summary: "Copy everything that is stored, and the keys, into one file",
        usage: "-o FILE [--data-dir DIRECTORY | --kubeconfig FILE]",
        discussion: """
            The copy is of one revision. It is taken from the server that runs with the data directory, or from the directory
            itself when none runs; with --kubeconfig from that server, wherever it is, and then without the keys: they do not
            travel over the API, and who restores such a backup gets new ones.

            The file holds secrets and private keys. It is readable by its owner alone, carries a digest, and is read back and
            compared before the command says that it is done. Images, volumes and logs are not in it.
            """,
        options: [
            .dataDirectory, .init("output", short: "o", .value("FILE"), "Where to"),
            .init("force", .flag, "Replace the file if it is there"),
        ],
        examples: [
            "martlet backup -o /backup/martlet.backup",
            "martlet backup -o /backup/martlet.backup --force --data-dir /srv/martlet",
        ],
        run: run)

    private static func run(_ call: Invocation) throws -> Int32 {
        guard let path = call.value("output"), !path.isEmpty, call.arguments.isEmpty else {
            throw UsageError(message: "say where to: -o FILE", path: ["backup"])
        }
        guard call.flag("force") || !fileExists(path) else {
            throw CommandFailure(message: "\(path) is there already; to replace it: --force")
        }
        let installation = try Installation(call)
        let access: StoreAccess
        do {
            access = try StoreAccess.open(call, installation)
        } catch let error as StoreError {
            throw refusal(of: error, installation)
        }
        let isRemote = call.value("kubeconfig") != nil || !fileExists(installation.data)
        let keys = isRemote ? [] : try Backup.keys(of: installation)
        let backup = Backup(
            snapshot: access.snapshot, keys: keys, made: call.context.clock.wall().text(fractionDigits: 0))
        try writeDurably(path, backup.bytes, mode: 0o600)
        let copy = try Backup(path: path)
        guard copy.snapshot.text == backup.snapshot.text, copy.keys == backup.keys else {
            throw CommandFailure(message: "\(path) does not hold what was written to it: the disk may be failing")
        }
        let what = keys.isEmpty ? "without keys" : "with \(keys.count) files of keys"
        call.context.print(
            "\(path): \(backup.snapshot.objects.count) objects at revision \(backup.snapshot.revision), \(what)")
        return 0
    }
}
