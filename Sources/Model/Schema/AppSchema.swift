/// The table of an App's fields: what the reference, the defaults and the validation of Apps are made of.
enum AppSchema {
    /// How long an App's name may be, so that a pod's name `APP-HASH-xxxxx` with ten letters of hash fits a DNS label.
    static let nameLimit = 46

    /// The whole document.
    static let document = Schema.document(
        .app, name: .dnsLabel(limit: nameLimit),
        [
            Field("spec", spec, "What is asked for", required: true),
            Field("status", .object(fields: [], additional: .any), "What was observed; written by the server only"),
        ], rules: [AppRules.mainContainerName])

    /// What is asked for.
    static let spec = Schema.object(
        fields: what + [
            Field(
                "initContainers", .array(items: initContainer, key: "name"),
                "Containers that run to completion, one after the other, before the main one starts"),
            Field("sidecars", .array(items: sidecar, key: "name"), "Containers that run beside the main one"),
            Field(
                "replicas", .integer(min: 0, max: 10_000), "How many pods run", default: 1, defaultUnless: "autoscale"),
            Field("placement", placement, "Where pods may run"),
            Field("health", health, "When a pod has started, is ready for traffic, and is alive"),
            Field("stop", stop, "How a pod is stopped: unrouted, drained, signalled, killed", default: [:]),
            Field("rollout", RolloutSchema.rollout, "How a change reaches the pods", default: [:]),
            Field("autoscale", ScaleSchema.autoscale, "How the number of pods follows the load"),
            Field("routes", .array(items: TrafficSchema.route), "How the service is reached from outside"),
            Field("traffic", TrafficSchema.traffic, "How requests are spread over the pods"),
        ], rules: AppRules.spec)

    /// What the main container runs.
    private static let what =
        [
            Field(
                "image", .string(format: .imageReference),
                "The image: a registry reference, or `oci:`, `oci-archive:`, `docker-archive:` or `rootfs:` and a path",
                required: true)
        ] + process + [
            Field("ports", .array(items: port, key: "name"), "Ports the service listens on"),
            Field("resources", resources, "What the main container needs and may use", default: [:]),
            Field("volumes", .array(items: volume, key: "name"), "Volumes, mounted into the main container"),
            Field("security", security, "Who the main container runs as and what it may do", default: [:]),
        ]

    /// What every container starts with.
    static let process = [
        Field("command", .strings(.argument), "Replaces the image's entrypoint"),
        Field("args", .strings(.argument), "Replaces the image's arguments"),
        Field("workingDir", .string(format: .path), "The directory to start in; the image's unless set"),
        Field("env", .map(values: environment, keys: .environmentName), "Environment variables by name"),
    ]

    private static let environment = Schema.oneOf([
        .string(format: .argument),
        .object(
            fields: [
                Field("secret", .string(format: .dnsSubdomain), "A Secret of the same namespace"),
                Field("config", .string(format: .dnsSubdomain), "A ConfigMap of the same namespace"),
                Field("key", .string(format: .configKey), "The key in the Secret or ConfigMap"),
                Field("field", .string(format: .podField), "A field of the pod, such as status.podIP"),
            ], rules: [.exactlyOne(of: "secret", "config", "field"), keyBelongsToSource]),
    ])

    private static let keyBelongsToSource = Rule("key is set with secret and config, and not with field") {
        object, path in
        let needsKey = object["secret"] != nil || object["config"] != nil
        if needsKey, object["key"] == nil { return [FieldError(path.appending("key"), .required, "must be set")] }
        if object["field"] != nil, object["key"] != nil {
            return [FieldError(path.appending("key"), .forbidden, "a field has no key")]
        }
        return []
    }

    /// A port number.
    static let portNumber = Schema.integer(min: 1, max: 65535)

    static let port = Schema.object(fields: [
        Field("name", .string(format: .portName), "The name by which probes and routes refer to it", required: true),
        Field("port", portNumber, "The number", required: true),
        Field("protocol", .enumeration("HTTP", "HTTP2", "TCP", "UDP"), "What is spoken on it", default: "HTTP"),
        Field("hostPort", portNumber, "A port of the node that leads to this one"),
    ])

    private static let stop = Schema.object(fields: [
        Field("signal", .string(format: .signal), "The signal that asks it to stop", default: "SIGTERM"),
        Field("drain", .string(format: .duration), "How long requests in flight may take to finish", default: "10s"),
        Field("gracePeriod", .string(format: .duration), "How long after the signal it is killed", default: "30s"),
    ])

    private static let placement = Schema.object(fields: [
        Field("nodeSelector", MetaSchema.labels, "Labels a node must have"),
        Field(
            "spread", .strings(.labelKey, unique: true),
            "Topology keys over which pods are spread, most important first"),
        Field("tolerations", .array(items: toleration), "Taints of nodes that are put up with"),
    ])

    static let effects = StringFormat.enumeration(["NoSchedule", "PreferNoSchedule", "NoExecute"])

    static let toleration = Schema.object(
        fields: [
            Field("key", .string(format: .labelKey), "The taint's key; every key unless set"),
            Field("operator", .enumeration("Equal", "Exists"), "How key and value are compared", default: "Equal"),
            Field("value", .string(format: .labelValue), "The taint's value, for Equal"),
            Field("effect", .string(format: effects), "The taint's effect; every effect unless set"),
        ],
        rules: [
            Rule("Exists has no value, and Equal has a key") { object, path in
                let exists = object["operator"]?.string == "Exists"
                if exists, object["value"] != nil {
                    return [FieldError(path.appending("value"), .forbidden, "operator Exists takes no value")]
                }
                if !exists, object["key"] == nil {
                    return [FieldError(path.appending("key"), .required, "must be set unless operator is Exists")]
                }
                return []
            }
        ])
}
