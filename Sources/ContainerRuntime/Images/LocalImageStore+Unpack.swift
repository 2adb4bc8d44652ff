import CLinux
import Failpoints
import Glibc
import Linux
import Model
import PKI

extension LocalImageStore {
    /// Unpacks an image's layers if they are not yet, and describes it.
    public func unpacked(_ id: ImageID) throws(RuntimeError) -> UnpackedImage {
        if id.text.hasPrefix("rootfs:") { return try unpackedDirectory(id) }
        return try using { () throws(RuntimeError) in
            // A removed image that a container still uses can start again in that pod: forgotten ones count here.
            guard let digest = Digest(id.text), let image = try records.load(digest) else {
                throw RuntimeError(.notFound, "image \(id): is not on this node")
            }
            let name = "the configuration of image \(id)"
            let config = try ImageConfigurationDocument(parsing: try blobs.read(image.config.digest), name: name)
            for layer in image.layers { try unpack(layer) }
            return UnpackedImage(
                id: id, layerDirectories: lowerDirectories(image), configuration: config.configuration)
        }
    }

    private func unpackedDirectory(_ id: ImageID) throws(RuntimeError) -> UnpackedImage {
        let path = String(id.text.dropFirst("rootfs:".count))
        guard path.hasPrefix("/"), isDirectory(path) else {
            throw RuntimeError(.notFound, "image \"\(id)\": \(path) is no directory")
        }
        return UnpackedImage(id: id, layerDirectories: [path], configuration: ImageConfiguration())
    }

    /// The layers, the top one first. Of a layer that occurs twice only the upper one counts, which has the same
    /// effect; overlayfs takes no directory twice.
    private func lowerDirectories(_ image: StoredImage) -> [String] {
        var seen = Set<Digest>()
        let layers = image.layers.reversed().map(\.diffID).filter { seen.insert($0).inserted }
        return layers.isEmpty ? ["\(directory)/empty"] : layers.map { "\(layerPath($0))/fs" }
    }

    /// Whether a layer is here, unpacked.
    func isUnpacked(_ diffID: Digest) -> Bool { fileExists(layerPath(diffID)) }

    private func unpack(_ layer: StoredImage.Layer) throws(RuntimeError) {
        if isUnpacked(layer.diffID) { return }
        try work.withLock("layer \(layer.diffID)") { () throws(RuntimeError) in
            if isUnpacked(layer.diffID) { return }
            let scratch = self.scratch.next("layer")
            defer { try? removeTree(scratch) }
            do throws(RuntimeError) {
                try unpack(layer, into: scratch)
            } catch {
                throw error.code == .full
                    ? RuntimeError(.full, "\(directory) has no room for layer \(layer.diffID): \(error.message)")
                    : error
            }
            try publish(scratch, as: layer.diffID)
        }
    }

    private func unpack(_ layer: StoredImage.Layer, into scratch: String) throws(RuntimeError) {
        let path = "\(scratch)/fs"
        let root = try storing { () throws(LinuxError) in
            try makeDirectories(path, mode: 0o755)
            // Whatever the umask is: the directory becomes the container's root directory.
            try systemCall("chmod", path: path) { chmod(path, 0o755) }
            return try Descriptor(opening: path, flags: O_RDONLY | O_DIRECTORY)
        }
        let archive = try openLayer(layer)
        let report = try unpacker.unpack(.layer, archive: archive, into: root, limits: limits)
        failpoint(.layerUnpacked)
        guard report.diffID == layer.diffID else {
            // Imported again, the blob is checked again: it was either damaged here or was never right.
            try storing { () throws(LinuxError) in try removeDurably(blobs.path(layer.blob.digest)) }
            throw RuntimeError(
                .badImage, "layer \(layer.blob.digest): unpacks to \(report.diffID), not \(layer.diffID)")
        }
        try OpaqueDirectories(report.opaqueDirectories, root: root.raw).mark()
        let raw = root.raw
        try storing { () throws(LinuxError) in
            let record: JSONValue = [
                "version": 1, "bytes": .integer(report.bytes), "entries": .integer(report.entries),
            ]
            try writeDurably("\(scratch)/layer.json", record.serialized())
            try systemCall("syncfs", path: path) { unpack_syncfs(raw) }
        }
        failpoint(.layerSynced)
    }

    private func openLayer(_ layer: StoredImage.Layer) throws(RuntimeError) -> Descriptor {
        // What cannot be looked at is not known to be missing: an error of the disk is told as what it is.
        guard try blobs.checkedSize(layer.blob.digest) == layer.blob.size else {
            throw RuntimeError(.notFound, "layer \(layer.blob.digest): is not here any more; import the image again")
        }
        return try blobs.open(layer.blob.digest)
    }

    /// Gives a layer its name. Another process may have been faster, with the same content.
    private func publish(_ scratch: String, as diffID: Digest) throws(RuntimeError) {
        let path = layerPath(diffID)
        try storing { () throws(LinuxError) in
            do throws(LinuxError) {
                try systemCall("rename", path: path) { rename(scratch, path) }
                failpoint(.layerRenamed)
            } catch  where error.errno == ENOTEMPTY || error.errno == EEXIST {
                return
            }
            try syncDirectory("\(directory)/layers/sha256")
        }
    }

    /// What a layer takes on disk: unpacked if it is, else its blob.
    func layerBytes(_ layer: StoredImage.Layer) -> Int64 {
        guard let bytes = try? readFile("\(layerPath(layer.diffID))/layer.json"),
            let json = try? JSONValue(parsing: bytes)
        else { return blobs.size(layer.blob.digest) ?? 0 }
        return json["bytes"]?.integer ?? 0
    }
}

/// Marks directories as overlayfs's opaque ones: `trusted.overlay.opaque` is `y`
/// (Documentation/filesystems/overlayfs.rst, "Whiteouts and opaque directories").
private struct OpaqueDirectories {
    let paths: [String]
    let root: Int32

    init(_ paths: [String], root: Int32) {
        self.paths = paths
        self.root = root
    }

    func mark() throws(RuntimeError) {
        for text in paths {
            guard let bytes = PathText.decode(text) else { throw RuntimeError(.system, "malformed path \"\(text)\"") }
            let path = try ArchivePath(bytes)
            guard let directory = try LayerTree.open(path, root: root, flags: O_RDONLY) else { continue }
            let raw = directory.raw
            try storing { () throws(LinuxError) in
                try systemCall("fsetxattr trusted.overlay.opaque", path: text) {
                    unpack_fsetxattr(raw, "trusted.overlay.opaque", "y", 1)
                }
            }
        }
    }
}
