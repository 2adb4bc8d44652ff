public import Model

/// All that a decision about one pod's life may know.
public struct PodSnapshot: Sendable {
    /// The pod.
    public var pod: Pod
    /// The uid of the object that has the name of the pod's controller; nil when there is none.
    public var ownerUID: String?
    /// Whether the pod's node exists; true for a pod without one.
    public var nodeExists: Bool

    /// Makes a snapshot.
    public init(pod: Pod, ownerUID: String?, nodeExists: Bool) {
        self.pod = pod
        self.ownerUID = ownerUID
        self.nodeExists = nodeExists
    }
}

/// Decides about pods one by one: those nobody wants any more, and those no agent will ever let go of.
public enum PodController {
    /// What to do about one pod.
    ///
    /// A pod whose controller is gone is stopped. A pod on a node that is gone is removed at once, and so is a pod that is
    /// to stop and was never placed. A pod that is to stop and has a node is left to the node's agent.
    public static func decide(_ snapshot: PodSnapshot, now: Timestamp) -> [Action] {
        let pod = snapshot.pod
        let nodeNames: Set<String> = snapshot.nodeExists ? Set([pod.spec.nodeName].compactMap { $0 }) : []
        if !snapshot.nodeExists {
            let message = "node \"\(pod.spec.nodeName ?? "")\" does not exist any more"
            return end(pod, nodeNames, now, reason: "NodeGone", message: message)
        }
        if pod.isTerminating {
            guard pod.spec.nodeName == nil, pod.metadata.finalizers.isEmpty else { return [] }
            return [.remove(pod.key)]
        }
        guard let owner = pod.metadata.controller, owner.uid != snapshot.ownerUID else { return [] }
        let message = "its \(owner.kind) \"\(owner.name)\" does not exist any more"
        return end(pod, nodeNames, now, reason: "OwnerGone", message: message)
    }

    private static func end(
        _ pod: Pod, _ nodeNames: Set<String>, _ now: Timestamp, reason: String, message: String
    ) -> [Action] {
        let action = pod.stop(now: now, nodeNames: nodeNames)
        if case .requestDeletion = action, pod.isTerminating { return [] }
        return [action, .event(EventNote(pod, reason: reason, message: message))]
    }
}

/// Decides about revisions whose App is gone.
public enum RevisionController {
    /// What to do about one revision: without its App it goes, and its pods follow.
    ///
    /// - Parameters:
    ///   - revision: the revision.
    ///   - ownerUID: the uid of the App that has the name of the revision's controller; nil when there is none.
    public static func decide(_ revision: Revision, ownerUID: String?) -> [Action] {
        guard let owner = revision.metadata.controller, owner.uid != ownerUID else { return [] }
        return [.remove(revision.key)]
    }
}
