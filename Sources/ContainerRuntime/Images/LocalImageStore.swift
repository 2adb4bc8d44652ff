import Glibc
import Linux
import PKI
import Synchronization

/// Images in a directory of this machine:
///
///     blobs/sha256/HEX            manifests, configurations and layers as they were imported
///     layers/sha256/HEX/fs        an unpacked layer by its diff id, an overlayfs lower directory
///     layers/sha256/HEX/layer.json    what it is made of
///     images/HEX.json             one record an image
///     empty                       the lower directory of images without layers
///     tmp/store-*                 what a process is at; removed when that process is gone
///
/// Several processes may share the directory. What has its final name is whole and durable; everything else is in `tmp`.
public final class LocalImageStore: ImageStore {
    let directory: String
    let unpacker: any LayerUnpacker
    let limits: UnpackLimits
    let platform: ImagePlatform
    let now: @Sendable () -> Int64
    let blobs: BlobStore
    let records: ImageRecords
    let scratch: ScratchNames
    let work = KeyedLock()
    private let workspace: Workspace

    /// Opens a store, made if it is missing, and removes what a crash has left half done.
    ///
    /// - Parameters:
    ///   - directory: Where the store is. Only root may look into it: layers have setuid programs.
    ///   - unpacker: How archives are unpacked; `HelperUnpacker` wherever the program can execute itself.
    ///   - limits: What archives may cost.
    ///   - platform: What images have to be for.
    ///   - now: The time in nanoseconds since the Unix epoch.
    public init(
        directory: String, unpacker: any LayerUnpacker, limits: UnpackLimits = UnpackLimits(),
        platform: ImagePlatform = .host, now: @escaping @Sendable () -> Int64 = { wallClock() }
    ) throws(RuntimeError) {
        self.directory = directory
        self.unpacker = unpacker
        self.limits = limits
        self.platform = platform
        self.now = now
        records = ImageRecords(directory: "\(directory)/images", lockPath: "\(directory)/records.lock")
        try Self.makeLayout(directory)
        let records = records
        let temporary = "\(directory)/tmp"
        workspace = try records.changing { () throws(RuntimeError) in
            try Workspace.removeAbandoned(in: temporary)
            try records.removeUnfinished()
            return try Workspace(in: temporary)
        }
        scratch = ScratchNames(directory: workspace.path)
        blobs = BlobStore(directory: "\(directory)/blobs/sha256", scratch: scratch)
    }

    private static func makeLayout(_ directory: String) throws(RuntimeError) {
        try storing { () throws(LinuxError) in
            try makeDirectories(directory, mode: 0o700)
            // It may have been there with another mode, and others must not reach setuid programs (CVE-2021-41091).
            try systemCall("chmod", path: directory) { chmod(directory, 0o700) }
            for name in ["blobs/sha256", "layers/sha256", "images", "tmp", "empty"] {
                try makeDirectories("\(directory)/\(name)", mode: 0o755)
            }
            for name in ["blobs", "layers", "."] { try syncDirectory("\(directory)/\(name)") }
        }
    }

    /// Runs an import or unpacking: garbage is not collected meanwhile.
    func using<Result>(_ body: () throws(RuntimeError) -> Result) throws(RuntimeError) -> Result {
        let lock = try FileLock("\(directory)/store.lock", LOCK_SH)
        defer { lock.hold() }
        return try body()
    }

    /// Where an unpacked layer is.
    func layerPath(_ diffID: Digest) -> String { "\(directory)/layers/sha256/\(diffID.hex)" }
}

/// Paths in a directory, each of them given once.
final class ScratchNames: Sendable {
    private let directory: String
    private let counter = Atomic<Int>(0)

    init(directory: String) { self.directory = directory }

    /// A path that nothing else has.
    func next(_ kind: String) -> String {
        "\(directory)/\(kind)-\(counter.wrappingAdd(1, ordering: .relaxed).newValue)"
    }
}

/// Locks by name: whoever comes second waits, then finds the work done.
final class KeyedLock: Sendable {
    private final class Gate: Sendable {
        let mutex = Mutex(())
    }
    private let gates = Mutex<[String: (gate: Gate, users: Int)]>([:])

    func withLock<Result: Sendable>(_ key: String, _ body: () throws(RuntimeError) -> Result) throws(RuntimeError)
        -> Result
    {
        let gate = enter(key)
        defer { leave(key) }
        return try gate.mutex.withLock { (_) throws(RuntimeError) in try body() }
    }

    private func enter(_ key: String) -> Gate {
        gates.withLock { gates in
            let entry = gates[key] ?? (Gate(), 0)
            gates[key] = (entry.gate, entry.users + 1)
            return entry.gate
        }
    }

    private func leave(_ key: String) {
        gates.withLock { gates in
            guard let entry = gates[key] else { return }
            gates[key] = entry.users > 1 ? (entry.gate, entry.users - 1) : nil
        }
    }
}
