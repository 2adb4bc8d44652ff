/// Sends requests to the node's pods.
public protocol PodTraffic: AnyObject, Sendable {
    /// Sends requests elsewhere from now on. May be asked again, and for pods to which no request ever came.
    ///
    /// - Parameter drained: called once, on any thread, when no request to the pod is in flight any more.
    func drain(_ podUID: String, drained: @escaping @Sendable () -> Void)
}
