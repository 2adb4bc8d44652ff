import Failpoints
import Glibc
import Linux
import PKI

extension LocalImageStore {
    /// Finds an image, imports it if it is not here yet, and returns its identity.
    ///
    /// When the path of a reference without a digest is gone but the reference was imported before, that image is meant.
    public func resolve(_ reference: String) throws(RuntimeError) -> ImageID {
        let parsed = try ImageReference(parsing: reference)
        switch parsed.location {
        case .directory(let path): return try directoryImage(path)
        case .identity(let prefix): return try match(prefix: prefix, in: reference).imageID
        case .name: return try named(reference).imageID
        case .source(let transport, let path, let tag):
            return try using { () throws(RuntimeError) in
                try work.withLock("import \(path)") { () throws(RuntimeError) in
                    if let digest = parsed.digest, let image = try complete(digest) {
                        return try name(image, parsed.text).imageID
                    }
                    if !pathExists(path), let image = try records.all().first(where: { $0.has(parsed.text) }) {
                        return image.imageID
                    }
                    let source = ImportRequest(reference: parsed, transport: transport, path: path, tag: tag)
                    return try importImage(source).imageID
                }
            }
        }
    }

    /// What to import, and from where.
    struct ImportRequest {
        let reference: ImageReference
        let transport: ImageReference.Transport
        let path: String
        let tag: String?
    }

    private func directoryImage(_ path: String) throws(RuntimeError) -> ImageID {
        guard isDirectory(path) else {
            throw RuntimeError(.notFound, "image \"rootfs:\(path)\": \(path) is no directory")
        }
        return ImageID("rootfs:\(path)")
    }

    private func named(_ reference: String) throws(RuntimeError) -> StoredImage {
        if let image = try records.all().first(where: { $0.has(reference) }) { return image }
        throw RuntimeError(
            .notFound,
            "image \"\(reference)\": pulling from registries is not available yet; "
                + "save the image as an archive and use oci-archive:PATH or docker-archive:PATH, or import it on every "
                + "node with `martlet image import`")
    }

    /// An image that is here with all that unpacking it needs, by its own digest or that of an index it came from.
    private func complete(_ digest: Digest) throws(RuntimeError) -> StoredImage? {
        var found = try records.load(digest)
        if found == nil { found = try records.all().first { $0.aliases.contains(digest) } }
        guard let image = found, !image.isForgotten, blobs.has(image.config) else { return nil }
        return image.layers.allSatisfy { isUnpacked($0.diffID) || blobs.has($0.blob) } ? image : nil
    }

    private func importImage(_ request: ImportRequest) throws(RuntimeError) -> StoredImage {
        guard request.transport != .layout else {
            return try importLayout(DirectorySource(name: request.path), request)
        }
        let scratch = self.scratch.next("archive")
        defer { try? removeTree(scratch) }
        let source = try unpackArchive(request.path, into: scratch)
        guard request.transport == .dockerArchive else { return try importLayout(source, request) }
        let image = try DockerArchive(source: source, tag: request.tag).select()
        if let digest = request.reference.digest, digest != image.selected.id, !image.selected.aliases.contains(digest)
        {
            throw RuntimeError(.notFound, "\(request.path): the image is \(image.selected.id), not \(digest)")
        }
        return try store(
            image.selected, from: source, configName: image.configName, layerNames: image.layerNames, request)
    }

    private func importLayout(_ source: any ImageSource, _ request: ImportRequest) throws(RuntimeError) -> StoredImage {
        let selection = ImageSelection(
            source: source, platform: platform, tag: request.tag, digest: request.reference.digest)
        let image = try selection.select()
        return try store(
            image, from: source, configName: source.blobName(image.manifest.config.digest),
            layerNames: image.manifest.layers.map { source.blobName($0.digest) }, request)
    }

    private func unpackArchive(_ path: String, into scratch: String) throws(RuntimeError) -> ArchiveSource {
        guard let archive = try openRegular(path) else { throw RuntimeError(.notFound, "\(path): no such file") }
        let target = try storing { () throws(LinuxError) in
            try makeDirectories(scratch, mode: 0o700)
            return try Descriptor(opening: scratch, flags: O_RDONLY | O_DIRECTORY)
        }
        let report = try unpacker.unpack(.files, archive: archive, into: target, limits: limits)
        return ArchiveSource(name: path, directory: scratch, files: report.files)
    }

    /// Brings an image's blobs in, then records it.
    private func store(
        _ image: SelectedImage, from source: any ImageSource, configName: String, layerNames: [String],
        _ request: ImportRequest
    ) throws(RuntimeError) -> StoredImage {
        let manifest = image.manifest
        try source.bring(manifest.config, named: configName, into: blobs)
        let name = "\(source.name)/\(configName)"
        let config = try ImageConfigurationDocument(parsing: try blobs.read(manifest.config.digest), name: name)
        guard platform.runs(config.platform) else {
            throw RuntimeError(
                .badImage, "\(source.name): the image is for \(config.platform), this machine is \(platform)")
        }
        guard config.diffIDs.count == manifest.layers.count else {
            throw RuntimeError(
                .badImage, "\(name): \(config.diffIDs.count) diff_ids for \(manifest.layers.count) layers")
        }
        let layers = zip(manifest.layers, config.diffIDs).map { StoredImage.Layer(blob: $0, diffID: $1) }
        for (layer, file) in zip(layers, layerNames) where !isUnpacked(layer.diffID) {
            try source.bring(layer.blob, named: file, into: blobs)
        }
        _ = try blobs.add(image.manifestBytes)
        try blobs.sync()
        var record = StoredImage(
            id: image.id, importedAt: now(), platform: config.platform.description, config: manifest.config,
            layers: layers)
        record.aliases = image.aliases
        return try self.name(record, request.reference.text)
    }

    /// Records an image under a reference, which is taken from the image that had it.
    private func name(_ image: StoredImage, _ reference: String) throws(RuntimeError) -> StoredImage {
        failpoint(.imageNaming)
        defer { failpoint(.imageNamed) }
        return try records.changing { () throws(RuntimeError) in
            for var other in try records.all() where other.id != image.id && other.references.contains(reference) {
                other.references.removeAll { $0 == reference }
                try records.save(other)
            }
            let before = try records.load(image.id)
            var merged = before ?? image
            merged.isForgotten = false
            if !merged.references.contains(reference) { merged.references.append(reference) }
            for alias in image.aliases where !merged.aliases.contains(alias) { merged.aliases.append(alias) }
            if merged != before { try records.save(merged) }
            return merged
        }
    }
}

extension StoredImage {
    /// Whether it is here under a reference.
    func has(_ reference: String) -> Bool { !isForgotten && references.contains(reference) }
}

private func pathExists(_ path: String) -> Bool { access(path, F_OK) == 0 }

/// Whether a path leads to a directory.
func isDirectory(_ path: String) -> Bool {
    var status = stat()
    return stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR
}
