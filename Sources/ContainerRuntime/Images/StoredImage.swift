import Model
import PKI

/// What the store remembers of an image: `images/HEX.json`.
struct StoredImage: Sendable, Hashable {
    /// A layer: the blob that it comes in, and what it is once unpacked.
    struct Layer: Sendable, Hashable {
        var blob: BlobDescriptor
        var diffID: Digest
    }

    /// The manifest's digest.
    var id: Digest
    /// The references it was imported by.
    var references: [String] = []
    /// Other digests it may be asked for by: those of the indexes that it was found in.
    var aliases: [Digest] = []
    /// Nanoseconds since the Unix epoch.
    var importedAt: Int64
    /// `linux/amd64`.
    var platform: String
    var config: BlobDescriptor
    /// The bottom one first.
    var layers: [Layer]
    /// Whether the user removed it: its files stay until no container uses them.
    var isForgotten = false

    var imageID: ImageID { ImageID(id.text) }

    init(id: Digest, importedAt: Int64, platform: String, config: BlobDescriptor, layers: [Layer]) {
        self.id = id
        self.importedAt = importedAt
        self.platform = platform
        self.config = config
        self.layers = layers
    }

    var json: JSONValue {
        [
            "version": 1, "id": .string(id.text), "references": .array(references.map { .string($0) }),
            "aliases": .array(aliases.map { .string($0.text) }), "importedAt": .integer(importedAt),
            "platform": .string(platform), "config": config.json, "forgotten": .bool(isForgotten),
            "layers": .array(layers.map { ["blob": $0.blob.json, "diffID": .string($0.diffID.text)] }),
        ]
    }

    init(json: JSONValue, path: String) throws(RuntimeError) {
        guard json["version"]?.integer == 1, let id = json["id"]?.string.flatMap({ Digest($0) }),
            let importedAt = json["importedAt"]?.integer, let platform = json["platform"]?.string,
            let config = json["config"], let layers = json["layers"]?.array
        else { throw RuntimeError(.system, "\(path): is not an image record of this version") }
        var parsed: [Layer] = []
        for layer in layers {
            guard let blob = layer["blob"], let diffID = layer["diffID"]?.string.flatMap({ Digest($0) }) else {
                throw RuntimeError(.system, "\(path): is not an image record of this version")
            }
            parsed.append(Layer(blob: try BlobDescriptor(json: blob, in: path), diffID: diffID))
        }
        self.init(
            id: id, importedAt: importedAt, platform: platform, config: try BlobDescriptor(json: config, in: path),
            layers: parsed)
        references = json["references"]?.array?.compactMap(\.string) ?? []
        aliases = json["aliases"]?.array?.compactMap(\.string).compactMap { Digest($0) } ?? []
        isForgotten = json["forgotten"]?.bool ?? false
    }
}
