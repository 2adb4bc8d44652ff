import Model
import PKI

/// An image configuration as parsed: what running the image needs, and what checking it needs.
struct ImageConfigurationDocument: Sendable {
    var configuration = ImageConfiguration()
    var platform: ImagePlatform
    /// The digests of the uncompressed layers, the bottom one first.
    var diffIDs: [Digest] = []

    /// Parses a configuration whose digest has been verified (image-spec v1.1, config.md). Unknown members, labels
    /// and history are ignored.
    init(parsing bytes: [UInt8], name: String) throws(RuntimeError) {
        let json = try ImageDocument.parse(bytes, name: name)
        guard let platform = ImagePlatform(json: json) else {
            throw RuntimeError(.badImage, "\(name): os and architecture are missing")
        }
        self.platform = platform
        diffIDs = try Self.diffIDs(json["rootfs"], name: name)
        guard let config = json["config"], !config.isNull else { return }
        let reader = Reader(json: config, name: name)
        configuration.entrypoint = try reader.strings("Entrypoint")
        configuration.command = try reader.strings("Cmd")
        configuration.environment = try reader.strings("Env")
        configuration.workingDirectory = try reader.string("WorkingDir")
        configuration.user = try reader.string("User")
        configuration.stopSignal = try reader.string("StopSignal")
        configuration.exposedPorts = (config["ExposedPorts"]?.object?.keys ?? []).sorted()
    }

    private static func diffIDs(_ rootfs: JSONValue?, name: String) throws(RuntimeError) -> [Digest] {
        guard rootfs?["type"]?.string == "layers", let elements = rootfs?["diff_ids"]?.array else {
            throw RuntimeError(.badImage, "\(name): rootfs is not a list of layers")
        }
        var result: [Digest] = []
        for element in elements {
            guard let digest = element.string.flatMap({ Digest($0) }) else {
                throw RuntimeError(.badImage, "\(name): a diff_id is not a sha256 digest")
            }
            result.append(digest)
        }
        return result
    }
}

/// Reads members that may be absent or null but must otherwise have the right type, without NUL characters: what an
/// image says ends up in C strings.
private struct Reader {
    let json: JSONValue
    let name: String

    func string(_ key: String) throws(RuntimeError) -> String? {
        guard let value = json[key], !value.isNull else { return nil }
        guard let text = value.string, !text.utf8.contains(0) else {
            throw RuntimeError(.badImage, "\(name): \(key) is not a string without NUL characters")
        }
        return text.isEmpty ? nil : text
    }

    func strings(_ key: String) throws(RuntimeError) -> [String] {
        guard let value = json[key], !value.isNull else { return [] }
        let texts = value.array?.compactMap(\.string).filter { !$0.utf8.contains(0) }
        guard let texts, texts.count == value.array?.count else {
            throw RuntimeError(.badImage, "\(name): \(key) is not a list of strings without NUL characters")
        }
        return texts
    }
}
