import Linux
import Model
import PKI

/// What `docker save` writes: `manifest.json` names a configuration and layers, none of them by a digest that could be
/// trusted (docker/docker image/spec v1.2, "Combined Image JSON + Filesystem Changeset Format").
///
/// The image gets an OCI manifest, made from the digests of what is there; the same archive always gets the same one.
struct DockerArchive {
    let source: any ImageSource
    let tag: String?

    /// An image with the names of its layers' files, the bottom one first.
    struct Image {
        var selected: SelectedImage
        var configName: String
        var layerNames: [String]
    }

    func select() throws(RuntimeError) -> Image {
        let file = "\(source.name)/manifest.json"
        guard let bytes = try source.document("manifest.json") else {
            throw RuntimeError(.badImage, "\(source.name): is no docker archive: it has no manifest.json")
        }
        guard let images = try ImageDocument.parse(bytes, name: file).array else {
            throw RuntimeError(.badImage, "\(file): expected a list of images")
        }
        let chosen = try choose(images)
        guard let configName = chosen["Config"]?.string,
            let layerNames = chosen["Layers"]?.array?.compactMap(\.string),
            layerNames.count == chosen["Layers"]?.array?.count, layerNames.count <= ImageManifest.maximumLayers
        else {
            throw RuntimeError(.badImage, "\(file): expected Config and up to \(ImageManifest.maximumLayers) Layers")
        }
        return Image(
            selected: try manifest(config: configName, layers: layerNames), configName: configName,
            layerNames: layerNames)
    }

    private func choose(_ images: [JSONValue]) throws(RuntimeError) -> JSONValue {
        let tags = { (image: JSONValue) in image["RepoTags"]?.array?.compactMap(\.string) ?? [] }
        var matching = images
        if let tag {
            matching = images.filter { tags($0).contains(tag) }
            if matching.isEmpty { matching = images.filter { tags($0).contains { $0.hasSuffix(":\(tag)") } } }
        }
        if let only = matching.first, matching.count == 1 { return only }
        let there = images.flatMap(tags).sorted().map { "\"\($0)\"" }.joined(separator: ", ")
        if let tag, matching.isEmpty {
            throw RuntimeError(.notFound, "\(source.name): no tag \"\(tag)\"; it has the tags \(there)")
        }
        throw RuntimeError(
            .invalid, "\(source.name): \(matching.count) images to choose from; it has the tags \(there); add :TAG")
    }

    private func manifest(config: String, layers: [String]) throws(RuntimeError) -> SelectedImage {
        var configBlob = try describe(config, as: MediaType.config, limit: Int64(ImageDocument.maximumBytes))
        try checkName(config, against: configBlob.digest)
        configBlob.mediaType = MediaType.config
        var layerBlobs: [BlobDescriptor] = []
        for layer in layers { layerBlobs.append(try describe(layer, as: MediaType.layer, limit: .max)) }
        let json: JSONValue = [
            "schemaVersion": 2, "mediaType": .string(MediaType.manifest), "config": configBlob.json,
            "layers": .array(layerBlobs.map(\.json)),
        ]
        let bytes = json.serialized()
        return SelectedImage(
            id: Digest(of: bytes), manifest: ImageManifest(config: configBlob, layers: layerBlobs),
            manifestBytes: bytes, aliases: [configBlob.digest])
    }

    /// The configuration's name is its digest, with or without `.json`: an archive where it is not was changed.
    private func checkName(_ name: String, against digest: Digest) throws(RuntimeError) {
        let last = name.split(separator: "/").last ?? ""
        let stem = last.hasSuffix(".json") ? last.dropLast(5) : last
        guard let named = Digest.sha256(stem), named != digest else { return }
        throw RuntimeError(.badImage, "\(source.name)/\(name): its content is \(digest)")
    }

    private func describe(_ file: String, as mediaType: String, limit: Int64) throws(RuntimeError) -> BlobDescriptor {
        guard let descriptor = try source.open(PathText.encode(Array(file.utf8))) else {
            throw RuntimeError(.badImage, "\(source.name)/\(file): is missing")
        }
        let (digest, size) = try BlobStore.hash(descriptor.raw, limit: limit, name: "\(source.name)/\(file)")
        return BlobDescriptor(mediaType: mediaType, digest: digest, size: size)
    }
}
