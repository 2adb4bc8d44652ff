/// An image that the node holds, as `martlet image ls` shows it.
public struct ImageRecord: Sendable, Hashable {
    /// Identifies the image.
    public var id: ImageID
    /// The references it was imported by.
    public var references: [String]
    /// What its layers take on disk, in bytes.
    public var sizeBytes: Int64
    /// When it was first imported, in nanoseconds since the Unix epoch.
    public var importedAt: Int64
    /// `linux/amd64`.
    public var platform: String

    /// Makes a record.
    public init(id: ImageID, references: [String], sizeBytes: Int64, importedAt: Int64, platform: String) {
        self.id = id
        self.references = references
        self.sizeBytes = sizeBytes
        self.importedAt = importedAt
        self.platform = platform
    }
}

/// The parts of an OCI image configuration that running it needs (image-spec v1.1, config.md).
public struct ImageConfiguration: Sendable, Hashable {
    /// `Entrypoint`.
    public var entrypoint: [String] = []
    /// `Cmd`.
    public var command: [String] = []
    /// `Env`, as `NAME=value`.
    public var environment: [String] = []
    /// `WorkingDir`.
    public var workingDirectory: String?
    /// `User`: a user or uid, with an optional group or gid behind a colon.
    public var user: String?
    /// `StopSignal`.
    public var stopSignal: String?
    /// `ExposedPorts`, as `8080/tcp`.
    public var exposedPorts: [String] = []

    /// Makes an empty configuration.
    public init() {}
}

/// An image made ready to run.
public struct UnpackedImage: Sendable, Hashable {
    /// Identifies the image.
    public var id: ImageID
    /// The unpacked layers' directories, the top one first; one directory for a `rootfs:` image.
    public var layerDirectories: [String]
    /// How it wants to be run.
    public var configuration: ImageConfiguration

    /// Makes a description.
    public init(id: ImageID, layerDirectories: [String], configuration: ImageConfiguration) {
        self.id = id
        self.layerDirectories = layerDirectories
        self.configuration = configuration
    }
}

/// Images on this machine, content-addressed; recorded as present only after they are durable. Thread-safe; concurrent
/// calls for one image do its work once.
public protocol ImageStore: AnyObject, Sendable {
    /// Finds an image by a manifest's reference, imports it if it is not here yet, and returns its identity.
    ///
    /// References: `oci:PATH[:TAG]`, `oci-archive:PATH[:TAG]`, `docker-archive:PATH[:TAG]`, `rootfs:PATH`, each
    /// optionally followed by `@sha256:...`, or a bare `sha256:...` of an image that is here. With a digest
    /// that is already here nothing is read from the path.
    func resolve(_ reference: String) throws(RuntimeError) -> ImageID
    /// Unpacks an image's layers if they are not yet, and describes it.
    func unpacked(_ id: ImageID) throws(RuntimeError) -> UnpackedImage
    /// The images that are here.
    func list() throws(RuntimeError) -> [ImageRecord]
    /// Forgets an image by reference, identity or unique prefix of it; its layers go with `collectGarbage`.
    func remove(_ reference: String) throws(RuntimeError)
    /// Removes blobs and layers that no image in the store uses, and images that are not in use and were not imported
    /// under a name; returns the bytes freed.
    func collectGarbage(inUse: Set<ImageID>) throws(RuntimeError) -> Int64
}
