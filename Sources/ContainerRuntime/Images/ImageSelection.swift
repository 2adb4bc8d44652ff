import Model
import PKI

/// The image that a reference selects in an OCI layout.
struct SelectedImage: Sendable {
    var id: Digest
    var manifest: ImageManifest
    var manifestBytes: [UInt8]
    /// The digests of the indexes on the way to it: people pin these too.
    var aliases: [Digest] = []
}

/// Finds the image that a tag, a digest and a platform select in an OCI layout (image-spec v1.1, image-layout.md).
struct ImageSelection {
    let source: any ImageSource
    let platform: ImagePlatform
    let tag: String?
    let digest: Digest?

    /// Indexes may contain indexes no deeper than this.
    private static let maximumDepth = 4

    func select() throws(RuntimeError) -> SelectedImage {
        try checkLayoutVersion()
        let file = "\(source.name)/index.json"
        guard let bytes = try source.document("index.json") else {
            throw RuntimeError(.badImage, "\(file): is missing")
        }
        guard case .index(let all) = try ImageDocument(parsing: bytes, mediaType: MediaType.index, name: file) else {
            throw RuntimeError(.badImage, "\(file): is not an index")
        }
        let image = try descend(from: try choose(among: all), depth: 0, aliases: [])
        guard digest == nil || digest == image.id || image.aliases.contains(where: { $0 == digest }) else {
            throw RuntimeError(.notFound, "\(source.name): the image is \(image.id), not \(digest?.text ?? "")")
        }
        return image
    }

    private func checkLayoutVersion() throws(RuntimeError) {
        let file = "\(source.name)/oci-layout"
        guard let bytes = try source.document("oci-layout") else {
            throw RuntimeError(.badImage, "\(source.name): is not an OCI image layout: it has no file \"oci-layout\"")
        }
        let version = try ImageDocument.parse(bytes, name: file)["imageLayoutVersion"]?.string
        guard version == "1.0.0" else {
            throw RuntimeError(.badImage, "\(file): version \"\(version ?? "")\" is not known, only 1.0.0 is")
        }
    }

    /// The one entry of `index.json` that is meant.
    private func choose(among all: [BlobDescriptor]) throws(RuntimeError) -> BlobDescriptor {
        var candidates = all
        if let tag {
            candidates = all.filter { $0.names.first == tag }
            if candidates.isEmpty { candidates = all.filter { $0.names.contains(tag) } }
        } else if let digest {
            candidates = all.filter { $0.digest == digest }
            if candidates.isEmpty { candidates = try containing(digest, among: all) }
        }
        let images = unique(candidates)
        if let only = images.first, images.count == 1 { return only }
        let fitting = images.filter { $0.platform.map(platform.runs) ?? false }
        if let only = fitting.first, fitting.count == 1 { return only }
        throw unclear(images, all: all)
    }

    private func containing(_ digest: Digest, among all: [BlobDescriptor]) throws(RuntimeError) -> [BlobDescriptor] {
        var result: [BlobDescriptor] = []
        for descriptor in unique(all) where MediaType.indexes.contains(descriptor.mediaType) {
            guard case .index(let nested) = try load(descriptor).document else { continue }
            if nested.contains(where: { $0.digest == digest }) { result.append(descriptor) }
        }
        return result
    }

    private func unique(_ descriptors: [BlobDescriptor]) -> [BlobDescriptor] {
        var seen = Set<Digest>()
        return descriptors.filter { seen.insert($0.digest).inserted }
    }

    private func unclear(_ candidates: [BlobDescriptor], all: [BlobDescriptor]) -> RuntimeError {
        let tags = Set(all.flatMap(\.names)).sorted().map { "\"\($0)\"" }
        let there = tags.isEmpty ? "it has no tags" : "it has the tags \(tags.joined(separator: ", "))"
        if candidates.isEmpty {
            let wanted = tag.map { "tag \"\($0)\"" } ?? digest.map { "image \($0)" } ?? "image"
            return RuntimeError(.notFound, "\(source.name): no \(wanted); \(there)")
        }
        return RuntimeError(
            .invalid, "\(source.name): \(candidates.count) images to choose from; \(there); add :TAG or @DIGEST")
    }

    private func load(_ descriptor: BlobDescriptor) throws(RuntimeError) -> (bytes: [UInt8], document: ImageDocument) {
        let bytes = try source.document(descriptor)
        let name = "\(source.name)/\(source.blobName(descriptor.digest))"
        return (bytes, try ImageDocument(parsing: bytes, mediaType: descriptor.mediaType, name: name))
    }

    private func descend(
        from descriptor: BlobDescriptor, depth: Int, aliases: [Digest]
    ) throws(RuntimeError) -> SelectedImage {
        guard depth < Self.maximumDepth else {
            throw RuntimeError(.badImage, "\(source.name): indexes within indexes, more than \(Self.maximumDepth) deep")
        }
        let (bytes, document) = try load(descriptor)
        switch document {
        case .manifest(let manifest):
            return SelectedImage(id: descriptor.digest, manifest: manifest, manifestBytes: bytes, aliases: aliases)
        case .index(let entries):
            let next = try fitting(entries, in: descriptor)
            return try descend(from: next, depth: depth + 1, aliases: aliases + [descriptor.digest])
        }
    }

    /// The entry for this platform, or the one that the reference's digest names.
    private func fitting(_ entries: [BlobDescriptor], in index: BlobDescriptor) throws(RuntimeError) -> BlobDescriptor {
        if let named = entries.first(where: { $0.digest == digest }) { return named }
        if let exact = entries.first(where: { $0.platform == platform }) { return exact }
        if let compatible = entries.first(where: { $0.platform.map(platform.runs) ?? false }) { return compatible }
        if let only = entries.first, entries.count == 1, only.platform == nil { return only }
        let there = entries.map { $0.platform?.description ?? "no platform" }.joined(separator: ", ")
        throw RuntimeError(.badImage, "\(source.name): no image for \(platform) in \(index.digest): it has \(there)")
    }
}
