/// Names of labels, annotations and finalizers that Martlet writes itself.
public enum WellKnown {
    /// Label of pods and revisions: the App's name.
    public static let appLabel = "martlet.dev/app"
    /// Label of pods: the revision's name.
    public static let revisionLabel = "martlet.dev/revision"
    /// Annotation of pods and revisions: the hash of what they read from Secrets and ConfigMaps.
    public static let configHashAnnotation = "martlet.dev/config-hash"
    /// Finalizer of Apps: held until the pods have stopped.
    public static let appFinalizer = "martlet.dev/cleanup"
    /// Finalizer of namespaces: held until they are empty.
    public static let namespaceFinalizer = "martlet.dev/namespace"
    /// Namespaces that always exist.
    public static let namespaces = ["default", "martlet-system"]
}
