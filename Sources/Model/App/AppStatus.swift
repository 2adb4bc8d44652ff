/// What was observed of an App; written by the control plane only.
public struct AppStatus: Codable, Hashable, Sendable, Buildable {
    /// The generation of the spec that the rest was decided for.
    public var observedGeneration: Int64?
    /// How many pods exist that are not stopping.
    public var replicas: Int?
    /// How many pods of the newest revision exist.
    public var updatedReplicas: Int?
    /// How many pods are ready.
    public var readyReplicas: Int?
    /// How many pods have been ready for `rollout.minReady`.
    public var availableReplicas: Int?
    /// The selector of the App's pods, as text.
    public var selector: String?
    /// The last revision that was fully available.
    public var stableRevision: String?
    /// The revision of the present spec.
    public var currentRevision: String?
    /// The address under which the App's ports are reached, in every pod and on every node; absent for Apps without ports.
    public var virtualAddress: String?
    /// The digests that the spec's images were resolved to.
    public var images: [ResolvedImage] = []
    /// When the rollout last came closer to its end.
    public var lastProgressTime: Timestamp?
    /// `Available`, `Progressing`, and what else is worth knowing, each with its reason.
    public var conditions: [Condition] = []

    /// Makes an empty status.
    public init() {}
}

/// An image reference and the digest it was resolved to when a revision was made.
public struct ResolvedImage: Codable, Hashable, Sendable, Buildable {
    /// The reference as the spec writes it.
    public var reference = ""
    /// The manifest's digest, `sha256:...`; absent while it is unknown and for `rootfs:` directories.
    public var digest: String?
    /// Why the reference could not be resolved; absent when it was.
    public var error: String?
    /// When resolving was last tried.
    public var time: Timestamp?
    /// How often resolving has failed in a row; absent when it succeeded.
    public var attempts: Int?

    /// Makes an empty entry.
    public init() {}
}

/// An immutable snapshot of an App's pod template, named `APP-HASH`.
public struct Revision: Resource {
    /// The type of revisions.
    public static let type = ResourceType.revision
    /// What the revision says about itself.
    public var metadata = ObjectMeta()
    /// The snapshot.
    public var spec = RevisionSpec()
    /// What was observed.
    public var status: RevisionStatus?

    /// Makes an empty revision.
    public init() {}
}

/// The snapshot that a revision holds.
public struct RevisionSpec: Codable, Hashable, Sendable, Buildable {
    /// Counts an App's revisions from 1; a spec that returns to an older snapshot gives it the next number.
    public var revision: Int64 = 0
    /// The hash that the revision is named after.
    public var templateHash = ""
    /// The pods of this revision.
    public var template = PodTemplate()

    /// Makes an empty snapshot.
    public init() {}
}

/// What was observed of a revision.
public struct RevisionStatus: Codable, Hashable, Sendable, Buildable {
    /// How many pods it has.
    public var replicas: Int?
    /// How many of them are ready.
    public var readyReplicas: Int?
    /// Whether all of the App's pods were once available at this revision.
    public var succeeded: Bool?
    /// How often its pods ended one after the other, each within five minutes of the last.
    public var failures: Int?
    /// When one of its pods last ended.
    public var lastFailureTime: Timestamp?

    /// Makes an empty status.
    public init() {}
}

/// What the pods of a revision look like.
public struct PodTemplate: Codable, Hashable, Sendable, Buildable {
    /// Labels and annotations of the pods.
    public var metadata = ObjectMeta()
    /// The pods' spec.
    public var spec = PodSpec()

    /// Makes an empty template.
    public init() {}
}
