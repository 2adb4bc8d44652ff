public import Model

/// All that a decision about one App may know.
public struct AppSnapshot: Sendable {
    /// The App.
    public var app: App
    /// The revisions that the App controls, by name.
    public var revisions: [Revision]
    /// The pods that those revisions control, by name.
    public var pods: [Pod]
    /// The ConfigMaps of the namespace that the App reads, by name; those that do not exist are left out.
    public var configMaps: [ConfigMap]
    /// The Secrets of the namespace that the App reads, by name; those that do not exist are left out.
    public var secrets: [Secret]
    /// The App's namespace.
    public var namespaceObject: Namespace?
    /// The nodes that exist, by name; a pod on another one is gone.
    public var nodeNames: Set<String>
    /// Answers to `resolveImage` that the App's status does not hold yet.
    public var resolutions: [ImageResolution]
    /// The virtual address that the App can have.
    public var address = VirtualAddressOffer.none
    /// The App's routes that older Apps have.
    public var lostRoutes: [LostRoute] = []

    /// Makes a snapshot; lists are brought into order.
    public init(
        app: App, revisions: [Revision] = [], pods: [Pod] = [], configMaps: [ConfigMap] = [], secrets: [Secret] = [],
        namespace: Namespace?, nodeNames: Set<String>, resolutions: [ImageResolution] = []
    ) {
        self.app = app
        self.revisions = revisions.sorted { $0.name < $1.name }
        self.pods = pods.sorted { $0.name < $1.name }
        self.configMaps = configMaps.sorted { $0.name < $1.name }
        self.secrets = secrets.sorted { $0.name < $1.name }
        namespaceObject = namespace
        self.nodeNames = nodeNames
        self.resolutions = resolutions.sorted { $0.reference < $1.reference }
    }
}

/// The answer to a `resolveImage`.
public struct ImageResolution: Hashable, Sendable {
    /// The reference as the spec writes it.
    public var reference: String
    /// The digest, or nil for what has none (`rootfs:`).
    public var digest: String?
    /// Why the reference could not be resolved; nil when it was.
    public var error: String?

    /// Makes an answer.
    public init(reference: String, digest: String?, error: String? = nil) {
        self.reference = reference
        self.digest = digest
        self.error = error
    }
}
