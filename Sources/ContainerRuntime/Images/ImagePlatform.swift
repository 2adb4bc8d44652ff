import Model

/// What an image was built for (image-spec v1.1, image-index.md, `platform`).
public struct ImagePlatform: Sendable, Hashable, CustomStringConvertible {
    /// `linux`.
    public var operatingSystem: String
    /// `amd64` or `arm64`, in Go's words.
    public var architecture: String
    /// The instruction set's version, such as `v8`; empty where none is given.
    public var variant: String

    /// Makes a platform.
    public init(operatingSystem: String = "linux", architecture: String, variant: String = "") {
        self.operatingSystem = operatingSystem
        self.architecture = architecture
        self.variant = variant
    }

    /// What this program was built for, which is what it runs.
    public static var host: ImagePlatform {
        #if arch(arm64)
            ImagePlatform(architecture: "arm64", variant: "v8")
        #else
            ImagePlatform(architecture: "amd64")
        #endif
    }

    /// `linux/arm64/v8`.
    public var description: String {
        variant.isEmpty ? "\(operatingSystem)/\(architecture)" : "\(operatingSystem)/\(architecture)/\(variant)"
    }

    /// Reads `os`, `architecture` and `variant` of an object; nil unless the first two are there.
    init?(json: JSONValue?) {
        guard let json, let system = json["os"]?.string, let architecture = json["architecture"]?.string else {
            return nil
        }
        self.init(operatingSystem: system, architecture: architecture, variant: json["variant"]?.string ?? "")
    }

    /// Whether a machine of this platform runs images of another: the same one, or one that asks for no more than the
    /// baseline of the architecture (`amd64/v1`, `arm64/v8`).
    public func runs(_ image: ImagePlatform) -> Bool {
        guard operatingSystem == image.operatingSystem, architecture == image.architecture else { return false }
        let baseline = architecture == "arm64" ? "v8" : "v1"
        return image.variant.isEmpty || image.variant == variant || image.variant == baseline
    }
}
