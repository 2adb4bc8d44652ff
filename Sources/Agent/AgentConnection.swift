public import Model

/// Why the API could not be asked, or what it answered.
public enum ConnectionError: Error, Sendable, Equatable {
    /// The API cannot be reached; the same may succeed later.
    case unreachable(String)
    /// The object is not there, or another one of the same name is.
    case notFound(String)
    /// The API refused; the same will be refused again until something changes.
    case refused(String)

    /// What happened, as a sentence without a full stop.
    public var message: String {
        switch self {
        case .unreachable(let text), .notFound(let text), .refused(let text): text
        }
    }
}

/// What the agent is told of its node's pods.
public enum PodChange: Sendable {
    /// Every pod of the node; pods that are not listed are gone.
    case all([Pod])
    /// A pod was added or changed.
    case changed(Pod)
    /// A pod's object is gone.
    case removed(uid: String)
}

/// What the agent is told of Apps.
public enum AppChange: Sendable {
    /// Every App; those that are not listed are gone.
    case all([App])
    /// An App was added or changed.
    case changed(App)
    /// An App is gone.
    case removed(ObjectKey)
}

/// The agent's side of the API. Every method blocks its thread; all may be called from any thread.
public protocol AgentConnection: AnyObject, Sendable {
    /// Lists and watches the pods of a node until the watch breaks or the handler returns false.
    /// Each call starts with `.all`.
    func watchPods(node: String, _ handler: (PodChange) -> Bool) throws(ConnectionError)
    /// Lists and watches the pods of all nodes, as `watchPods(node:)` does those of one.
    func watchPods(_ handler: (PodChange) -> Bool) throws(ConnectionError)
    /// Lists and watches Apps until the watch breaks or the handler returns false. Each call starts with `.all`.
    func watchApps(_ handler: (AppChange) -> Bool) throws(ConnectionError)
    /// Replaces the status of a pod, if it is still the one with this identity.
    func update(_ status: PodStatus, of pod: Pod) throws(ConnectionError)
    /// Deletes the object of a stopped pod for good, if it is still the one with this identity.
    func release(_ pod: Pod) throws(ConnectionError)
    /// The decoded data of a Secret.
    func secret(namespace: String, name: String) throws(ConnectionError) -> [String: [UInt8]]
    /// The decoded data of a ConfigMap.
    func configMap(namespace: String, name: String) throws(ConnectionError) -> [String: [UInt8]]
    /// Makes the node's object or brings its status up to date.
    func register(_ node: Node) throws(ConnectionError)
    /// Records an event about a pod.
    func record(_ event: PodEvent, of pod: Pod, node: String) throws(ConnectionError)
}
