import Model
import PKI

/// A descriptor: what some content is, its digest and its size (image-spec v1.1, descriptor.md).
struct BlobDescriptor: Sendable, Hashable {
    var mediaType: String
    var digest: Digest
    var size: Int64
    var platform: ImagePlatform?
    /// The names that the layout's index gives it.
    var names: [String] = []

    init(mediaType: String, digest: Digest, size: Int64) {
        self.mediaType = mediaType
        self.digest = digest
        self.size = size
    }

    init(json: JSONValue, in document: String) throws(RuntimeError) {
        guard let mediaType = json["mediaType"]?.string, let text = json["digest"]?.string,
            let size = json["size"]?.integer, size >= 0
        else {
            throw RuntimeError(.badImage, "\(document): a descriptor needs mediaType, digest and size")
        }
        guard let digest = Digest(text) else {
            throw RuntimeError(.badImage, "\(document): \"\(text.prefix(100))\" is not a sha256 digest")
        }
        self.init(mediaType: mediaType, digest: digest, size: size)
        platform = ImagePlatform(json: json["platform"])
        let keys = ["org.opencontainers.image.ref.name", "io.containerd.image.name"]
        names = keys.compactMap { json["annotations"]?[$0]?.string }
    }

    var json: JSONValue {
        ["mediaType": .string(mediaType), "digest": .string(digest.text), "size": .integer(size)]
    }
}

/// The media types of images, OCI's and Docker's for the same thing.
enum MediaType {
    static let index = "application/vnd.oci.image.index.v1+json"
    static let manifest = "application/vnd.oci.image.manifest.v1+json"
    static let config = "application/vnd.oci.image.config.v1+json"
    static let layer = "application/vnd.oci.image.layer.v1.tar"

    static let indexes: Set = [index, "application/vnd.docker.distribution.manifest.list.v2+json"]
    static let manifests: Set = [manifest, "application/vnd.docker.distribution.manifest.v2+json"]
    static let configs: Set = [config, "application/vnd.docker.container.image.v1+json"]
    static let layers: Set = [
        layer, "\(layer)+gzip", "\(layer)+zstd",
        "application/vnd.oci.image.layer.nondistributable.v1.tar",
        "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip",
        "application/vnd.oci.image.layer.nondistributable.v1.tar+zstd",
        "application/vnd.docker.image.rootfs.diff.tar", "application/vnd.docker.image.rootfs.diff.tar.gzip",
        "application/vnd.docker.image.rootfs.diff.tar.zstd",
    ]
}

/// A manifest: one image for one platform (image-spec v1.1, manifest.md).
struct ImageManifest: Sendable, Hashable {
    /// Overlayfs takes no more lower directories (`OVL_MAX_STACK`).
    static let maximumLayers = 500

    var config: BlobDescriptor
    /// The bottom layer first.
    var layers: [BlobDescriptor]
}

/// The document behind a descriptor.
enum ImageDocument: Sendable {
    case index([BlobDescriptor])
    case manifest(ImageManifest)

    /// Manifests, indexes and configurations are refused beyond this size, as containerd does since CVE-2023-25153.
    static let maximumBytes = 4 << 20

    /// Parses an index or a manifest whose digest has been verified.
    ///
    /// - Parameter mediaType: What its descriptor says it is: the same bytes must not be one thing here and another
    ///   elsewhere (CVE-2021-41190).
    init(parsing bytes: [UInt8], mediaType: String, name: String) throws(RuntimeError) {
        let json = try Self.parse(bytes, name: name)
        guard json["schemaVersion"]?.integer == 2 else {
            throw RuntimeError(.badImage, "\(name): schemaVersion is not 2")
        }
        if let own = json["mediaType"]?.string, own != mediaType {
            throw RuntimeError(.badImage, "\(name): says it is \"\(own)\", but its descriptor says \"\(mediaType)\"")
        }
        let parts = ["manifests", "layers", "fsLayers", "config"].filter { json[$0] != nil }
        if MediaType.indexes.contains(mediaType) {
            guard parts == ["manifests"] else { throw Self.ambiguous(name, parts, "an index") }
            self = .index(try Self.descriptors(json["manifests"], name: name))
        } else if MediaType.manifests.contains(mediaType) {
            guard parts == ["layers", "config"] else { throw Self.ambiguous(name, parts, "a manifest") }
            self = .manifest(try Self.manifest(json, name: name))
        } else {
            throw RuntimeError(.badImage, "\(name): \"\(mediaType)\" is no image manifest or index")
        }
    }

    static func parse(_ bytes: [UInt8], name: String) throws(RuntimeError) -> JSONValue {
        do {
            return try JSONValue(parsing: bytes)
        } catch {
            throw RuntimeError(.badImage, "\(name): \(error)")
        }
    }

    private static func ambiguous(_ name: String, _ parts: [String], _ kind: String) -> RuntimeError {
        RuntimeError(.badImage, "\(name): has \(parts.joined(separator: ", ")), which makes it not \(kind)")
    }

    private static func descriptors(_ json: JSONValue?, name: String) throws(RuntimeError) -> [BlobDescriptor] {
        guard let elements = json?.array else {
            throw RuntimeError(.badImage, "\(name): expected a list of descriptors")
        }
        var result: [BlobDescriptor] = []
        for element in elements { result.append(try BlobDescriptor(json: element, in: name)) }
        return result
    }

    private static func manifest(_ json: JSONValue, name: String) throws(RuntimeError) -> ImageManifest {
        let config = try BlobDescriptor(json: json["config"] ?? .null, in: name)
        guard MediaType.configs.contains(config.mediaType) else {
            throw RuntimeError(.badImage, "\(name): an artifact (\"\(config.mediaType)\"), not a container image")
        }
        guard config.size <= maximumBytes else {
            throw RuntimeError(
                .badImage, "\(name): a configuration of \(config.size) bytes, at most \(maximumBytes) are read")
        }
        let layers = try descriptors(json["layers"], name: name)
        guard layers.count <= ImageManifest.maximumLayers else {
            throw RuntimeError(
                .badImage, "\(name): \(layers.count) layers, at most \(ImageManifest.maximumLayers) work")
        }
        for layer in layers where !MediaType.layers.contains(layer.mediaType) {
            throw RuntimeError(.badImage, "\(name): layers of type \"\(layer.mediaType)\" are not supported")
        }
        return ImageManifest(config: config, layers: layers)
    }
}
