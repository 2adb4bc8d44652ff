import Linux
import Model
import PKI

/// What an archive may cost before it is refused.
public struct UnpackLimits: Sendable, Hashable {
    /// How many bytes the files of one archive may have together, holes included.
    public var maximumBytes: Int64 = 32 << 30
    /// How many entries one archive may have.
    public var maximumEntries: Int64 = 1_000_000
    /// How many bytes may come out of one compressed byte, once more than `ratioFloor` came out: gzip cannot do more
    /// than 1032, and file systems of real programs stay below 100.
    public var maximumRatio: Int64 = 400
    /// Up to so many bytes any ratio is fine.
    public var ratioFloor: Int64 = 256 << 20

    /// Makes the default limits.
    public init() {}
}

/// What to make out of an archive.
public enum UnpackJob: String, Sendable {
    /// A layer's file system, as overlayfs takes it.
    case layer
    /// The files of an image archive, numbered, in one flat directory.
    case files
}

/// What came out of an archive.
public struct UnpackReport: Sendable, Hashable {
    /// A regular file of an image archive.
    public struct File: Sendable, Hashable {
        /// Its name in the archive, encoded as `PathText` does.
        public var name: String
        /// Its name in the directory; nil for a symbolic or hard link.
        public var number: Int64?
        /// What a link leads to, as the archive has it.
        public var target: String?
    }

    /// The digest of the uncompressed archive.
    public var diffID: Digest
    /// How many bytes the files have together.
    public var bytes: Int64
    /// How many entries there were.
    public var entries: Int64
    /// Directories that hide what lower layers have in them, encoded as `PathText` does. Marking them takes
    /// CAP_SYS_ADMIN, which the helper process does not have.
    public var opaqueDirectories: [String] = []
    /// What an image archive has in it.
    public var files: [File] = []
}

/// Unpacks archives from strangers.
public protocol LayerUnpacker: Sendable {
    /// Unpacks an archive (tar, plain or compressed with gzip or zstd) into an empty directory.
    ///
    /// Nothing outside the directory is touched. The directory's content is neither complete nor durable before the
    /// call returns, and of no use after an error.
    func unpack(
        _ job: UnpackJob, archive: borrowing Descriptor, into directory: borrowing Descriptor, limits: UnpackLimits
    ) throws(RuntimeError) -> UnpackReport
}

/// Unpacks in the calling process, with the same code as the helper process but without its confinement: for tests, and
/// for programs that cannot execute themselves.
public struct InProcessUnpacker: LayerUnpacker {
    /// Makes an unpacker.
    public init() {}

    /// Unpacks an archive into an empty directory.
    public func unpack(
        _ job: UnpackJob, archive: borrowing Descriptor, into directory: borrowing Descriptor, limits: UnpackLimits
    ) throws(RuntimeError) -> UnpackReport {
        try Unpacking(job: job, archive: archive.raw, directory: directory.raw, limits: limits).run()
    }
}

extension UnpackReport {
    var json: JSONValue {
        var json: JSONValue = [
            "diffID": .string(diffID.text), "bytes": .integer(bytes), "entries": .integer(entries),
            "opaque": .array(opaqueDirectories.map { .string($0) }),
        ]
        json["files"] = .array(
            files.map { file in
                [
                    "name": .string(file.name), "number": file.number.map { .integer($0) } ?? .null,
                    "target": file.target.map { .string($0) } ?? .null,
                ]
            })
        return json
    }

    /// Reads a helper's report; nil for anything that is none.
    init?(json: JSONValue) {
        guard let diffID = json["diffID"]?.string.flatMap({ Digest($0) }), let bytes = json["bytes"]?.integer,
            let entries = json["entries"]?.integer
        else { return nil }
        self.init(diffID: diffID, bytes: bytes, entries: entries)
        opaqueDirectories = json["opaque"]?.array?.compactMap(\.string) ?? []
        files = (json["files"]?.array ?? []).compactMap { file in
            file["name"]?.string.map {
                File(name: $0, number: file["number"]?.integer, target: file["target"]?.string)
            }
        }
    }
}
