public import Model

/// One effect that a decision asks for. Decisions return actions in order; the control plane applies the actions of one
/// decision together or not at all, and nobody performs an effect that is not an action.
public enum Action: Hashable, Sendable {
    /// Stores a new revision.
    case createRevision(Revision)
    /// Stores a new pod.
    case createPod(Pod)
    /// Stores a new namespace.
    case createNamespace(Namespace)
    /// Gives a revision that is used again the next number.
    case renumberRevision(ObjectKey, Int64)
    /// Writes what was observed of a revision.
    case setRevisionStatus(ObjectKey, RevisionStatus)
    /// Writes what was observed of an App.
    case setAppStatus(ObjectKey, AppStatus)
    /// Writes a namespace's phase.
    case setNamespacePhase(ObjectKey, String)
    /// Adds or replaces one condition of a pod.
    case setPodCondition(ObjectKey, Condition)
    /// Replaces the finalizers; an object whose deletion was asked for goes with its last finalizer.
    case setFinalizers(ObjectKey, [String])
    /// Gives a pod its node.
    case bind(ObjectKey, node: String)
    /// Asks for a deletion: `metadata.deletionTimestamp` is set, and whoever holds the object lets go of it.
    case requestDeletion(ObjectKey, at: Timestamp, gracePeriodSeconds: Int64?)
    /// Removes an object at once.
    case remove(ObjectKey)
    /// Tells people.
    case event(EventNote)
    /// Looks an image reference up; the answer comes back in the App's next snapshot.
    case resolveImage(ObjectKey, reference: String)
    /// Decides again at a moment, whatever happens until then.
    case wakeAt(Timestamp, ObjectKey)
}

/// What to tell people about an object. Equal notes about one object are one event with a count.
public struct EventNote: Hashable, Sendable {
    /// What it happened to.
    public var object: ObjectReference
    /// Whether somebody should look into it.
    public var isWarning: Bool
    /// One CamelCase word.
    public var reason: String
    /// A sentence.
    public var message: String

    /// Makes a note about an object.
    public init(_ object: some Resource, warning: Bool = false, reason: String, message: String) {
        self.object = object.reference
        isWarning = warning
        self.reason = reason
        self.message = message
    }
}

extension Resource {
    /// A reference to this object.
    public var reference: ObjectReference {
        ObjectReference {
            $0.apiVersion = Self.type.apiVersion
            $0.kind = Self.type.kind
            $0.namespace = metadata.namespace
            $0.name = name
            $0.uid = uid
        }
    }
}
