import ContainerRuntime
import Glibc
import Linux

extension Command.Option {
    static let dataDirectory = Command.Option(
        "data-dir", .value("DIRECTORY"), "Where Martlet keeps its data",
        default: "$MARTLET_DATA_DIR, else /var/lib/martlet")
}

/// Where one Martlet on this machine keeps what it has. Several may run side by side with data directories of their own: the
/// names of everything else that they share the machine by follow from the directory.
struct Installation: Sendable, Equatable {
    static let defaultData = "/var/lib/martlet"

    /// What outlives a reboot.
    let data: String
    /// What a reboot may lose: sockets, memory volumes.
    let run: String
    /// The cgroup below which all containers are.
    let cgroupRoot: String
    /// The bridge that pods are connected to.
    let bridge: String

    /// Takes the data directory from `--data-dir`, then `$MARTLET_DATA_DIR`, then the default.
    init(_ call: Invocation) throws(UsageError) {
        let path = call.value("data-dir") ?? call.context.environment["MARTLET_DATA_DIR"] ?? Self.defaultData
        guard !path.isEmpty else { throw UsageError(message: "--data-dir needs a directory", path: call.command.path) }
        self.init(data: Self.absolute(path))
    }

    /// Takes an absolute path.
    init(data: String) {
        self.data = data
        if data == Self.defaultData {
            (run, cgroupRoot, bridge) = ("/run/martlet", "martlet", "martlet0")
        } else {
            // Socket paths hold 107 bytes and link names 15 (unix(7), netdevice(7)): the directory's name may be longer.
            let mark = Self.mark(of: data)
            (run, cgroupRoot, bridge) = ("/run/martlet-\(mark)", "martlet-\(mark)", "mlt-\(mark)")
        }
    }

    var lockFile: String { "\(data)/lock" }
    var adminKubeconfig: String { "\(data)/admin.kubeconfig" }
    var pki: String { "\(data)/pki" }
    var database: String { "\(data)/store/martlet.db" }
    /// HAProxy's files and sockets.
    var proxy: String { "\(run)/proxy" }
    /// The DNS server's files.
    var names: String { "\(run)/dns" }
    var images: String { "\(data)/images" }

    /// The images of this installation.
    func imageStore() throws(RuntimeError) -> LocalImageStore {
        try LocalImageStore(directory: images, unpacker: HelperUnpacker())
    }

    /// Makes the data directory, and makes sure that it is this user's alone: it holds keys, and whatever root runs.
    func prepareData() throws {
        try makeDirectories(data, mode: 0o711)
        var status = stat()
        guard lstat(data, &status) == 0 else { throw LinuxError.last("lstat", path: data) }
        guard status.st_mode & S_IFMT == S_IFDIR else {
            throw CommandFailure(message: "\(data) is not a directory; choose another with --data-dir")
        }
        guard status.st_uid == geteuid() else {
            throw CommandFailure(
                message: "\(data) belongs to user \(status.st_uid), who could read keys and change what runs as root\n"
                    + "choose another with --data-dir, or: chown \(geteuid()) \(data)")
        }
        guard status.st_mode & 0o022 == 0 else {
            throw CommandFailure(
                message:
                    "others than its owner may write to \(data)\nchoose another with --data-dir, or: chmod go-w \(data)"
            )
        }
    }

    /// Eight hexadecimal digits that stand for a path (FNV-1a).
    private static func mark(of path: String) -> String {
        let hash = path.utf8.reduce(UInt32(2_166_136_261)) { ($0 ^ UInt32($1)) &* 16_777_619 }
        let digits = String(hash, radix: 16)
        return String(repeating: "0", count: 8 - digits.count) + digits
    }

    private static func absolute(_ path: String) -> String {
        var path = path
        if !path.hasPrefix("/"), let directory = getcwd(nil, 0) {
            path = "\(String(cString: directory))/\(path)"
            free(directory)
        }
        let parts = path.split(separator: "/").filter { $0 != "." }
        return "/" + parts.joined(separator: "/")
    }
}

/// Another process runs with a data directory.
struct InstallationInUse: Error, CustomStringConvertible {
    /// Its process id; empty when it is not known.
    let owner: String
    let data: String

    var description: String {
        "another martlet\(owner.isEmpty ? "" : " (pid \(owner))") runs with the data directory \(data)"
    }
}

/// Holds an installation's lock: as long as it lives, no other process runs it (flock(2)).
final class InstallationLock: Sendable {
    private let descriptor: Int32

    /// Takes the lock.
    ///
    /// - Throws: `InstallationInUse` when another process has it.
    init(_ installation: Installation) throws {
        try installation.prepareData()
        let path = installation.lockFile
        descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw LinuxError.last("open", path: path) }
        guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
            let owner = (try? readText(path, limit: 64))?.filter { $0.isNumber } ?? ""
            close(descriptor)
            throw InstallationInUse(owner: owner, data: installation.data)
        }
        ftruncate(descriptor, 0)
        try writeAll(descriptor, Array("\(getpid())\n".utf8), path: path)
    }

    deinit { close(descriptor) }
}
