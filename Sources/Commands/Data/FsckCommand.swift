import Controllers
import Glibc
import Linux
import Model
import Store

/// `martlet fsck`: checks a store, or a backup, without changing it.
enum FsckCommand {
    static let command = Command(
        path: ["fsck"], summary: "Check a store or a backup, and say what mends what is wrong",
        usage: "[--data-dir DIRECTORY | FILE]",
        discussion: """
            Checks the database with every row's checksum, that no revision is missing and nothing acknowledged is lost, and then
            what objects say of each other: owners, namespaces, nodes, revisions, finalizers, addresses. While a server runs with
            the data directory its content is checked, and not the file. FILE is a backup or a database. Nothing is changed.

            Exit code 0: nothing is wrong, or only what the control plane mends by itself; 1: something is; 2: the store cannot
            be read.
            """,
        options: [.dataDirectory, .init("output", short: "o", .value("FORMAT"), "json or yaml")],
        examples: ["martlet fsck", "martlet fsck /backup/martlet-2026-01-31.backup", "martlet fsck -o json"],
        run: run)

    private static func run(_ call: Invocation) throws -> Int32 {
        let format = try OutputFormat(call.value("output"))
        let (snapshot, what) = try subject(call)
        let faults = Integrity.allFaults(in: snapshot.objects.map { ($0.key, $0.document) })
        if format.isTable {
            for fault in faults {
                call.context.print("\(fault.isPassing ? "note" : "fail") \(fault)")
                call.context.print("     mend it: \(remedy(for: fault))")
            }
            let count = "\(snapshot.objects.count) objects at revision \(snapshot.revision)"
            let failed = faults.count { !$0.isPassing }
            call.context.print("\(what): \(count), \(failed == 0 ? "nothing is wrong" : "\(failed) faults")")
        } else {
            call.context.output(format.text(of: faults.map(document), asList: true))
        }
        return faults.contains { !$0.isPassing } ? 1 : 0
    }

    /// What is checked, and what it is called.
    private static func subject(_ call: Invocation) throws -> (StoreSnapshot, String) {
        guard call.arguments.count <= 1 else {
            throw UsageError(message: "one file at a time", path: ["fsck"])
        }
        do {
            if let path = call.arguments.first {
                let snapshot = try seemsDatabase(path) ? StoreAccess.read(path) : Backup(path: path).snapshot
                return (snapshot, path)
            }
            let installation = try Installation(call)
            let access = try StoreAccess.open(call, installation)
            return (access.snapshot, access.isLive ? "what the server holds" : installation.database)
        } catch let error as UsageError {
            throw error
        } catch {
            throw CommandFailure(message: "\(error)", code: 2)
        }
    }

    /// Whether a file begins as SQLite's do (sqlite.org/fileformat.html), or is where one should be.
    private static func seemsDatabase(_ path: String) throws -> Bool {
        if path.hasSuffix(".db") { return true }
        let file = try Descriptor(opening: path, flags: O_RDONLY)
        var head = [UInt8](repeating: 0, count: 16)
        let count = try systemCall("read", path: path) { read(file.raw, &head, head.count) }
        return count == 16 && head.starts(with: "SQLite format 3".utf8)
    }

    private static func document(_ fault: IntegrityFault) -> JSONValue {
        [
            "object": .string("\(fault.key)"), "fault": .string(fault.kind.rawValue), "message": .string(fault.message),
            "mendsItself": .bool(fault.isPassing), "remedy": .string(remedy(for: fault)),
        ]
    }

    /// The command that mends a fault.
    static func remedy(for fault: IntegrityFault) -> String {
        if fault.isPassing { return "the control plane does, while `martlet up` runs" }
        let key = fault.key
        let object = "\(key.type.singular) \(key.name)" + (key.type.isNamespaced ? " -n \(key.namespace)" : "")
        switch fault.kind {
        case .namespace: return "kubectl create namespace \(key.namespace)"
        case .finalizer:
            return "kubectl patch \(object) --type merge -p '{\"metadata\":{\"finalizers\":null}}'"
        case .overcommitted: return "martlet get pods -A -o wide, then delete some that are on \(key.name)"
        case .unreadable, .identity, .owner, .node, .revision, .released, .address: return "martlet delete \(object)"
        }
    }
}
