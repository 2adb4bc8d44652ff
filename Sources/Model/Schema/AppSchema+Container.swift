extension AppSchema {
    /// A container beside the main one.
    static let sidecar = container(health: true)
    /// A container that ends before the main one starts.
    static let initContainer = container(health: false)

    private static func container(health hasHealth: Bool) -> Schema {
        var fields =
            [
                Field("name", .string(format: .dnsLabel), "The name, unique in the pod", required: true),
                Field("image", .string(format: .imageReference), "The image; the main container's unless set"),
            ] + process + [
                Field("ports", .array(items: port, key: "name"), "Ports it listens on"),
                Field("resources", resources, "What it needs and may use", default: [:]),
                Field("volumeMounts", .array(items: mount), "Volumes of the App, and where this container sees them"),
                Field("security", security, "Who it runs as and what it may do", default: [:]),
            ]
        let healthField = Field("health", health, "When it has started, is ready for traffic, and is alive")
        if hasHealth {
            fields.append(healthField)
        } else {
            fields.append(Field("health", .any, "Not for containers that end"))
        }
        return .object(fields: fields, rules: hasHealth ? AppRules.container : AppRules.initContainer)
    }

    static let mount = Schema.object(fields: [
        Field("name", .string(format: .dnsLabel), "The volume's name", required: true),
        Field("mountPath", .string(format: .path), "The absolute path in the container", required: true),
        Field("readOnly", .boolean, "Whether the container may only read it", default: false),
        Field("subPath", .string(format: .relativePath), "A path below the volume"),
    ])

    static let resources = Schema.object(
        fields: [
            Field(
                "requests",
                .object(fields: [
                    Field("cpu", .string(format: .quantity), "CPUs set aside, such as `250m`"),
                    Field("memory", .string(format: .quantity), "Bytes set aside, such as `128Mi`"),
                ]), "What is set aside; the scheduler counts this"),
            Field(
                "limits",
                .object(fields: [
                    Field("cpu", .string(format: .quantity), "CPUs it cannot exceed; no limit unless set"),
                    Field("memory", .string(format: .quantity), "Bytes it cannot exceed; no limit unless set"),
                    Field(
                        "pids", .string(format: .positiveCount), "Processes and threads it cannot exceed",
                        default: "1024"),
                ]), "What cannot be exceeded", default: [:]),
        ], rules: [AppRules.requestsWithinLimits])

    private static let projection = Schema.object(fields: [
        Field("name", .string(format: .dnsSubdomain), "The name of the object", required: true),
        Field(
            "items",
            .array(
                items: .object(fields: [
                    Field("key", .string(format: .configKey), "The key", required: true),
                    Field("path", .string(format: .relativePath), "The path below the mount", required: true),
                ]), key: "path"), "Which keys become which files; all keys, under their names, unless set"),
        Field("mode", .integer(min: 0, max: 0o777), "The permission bits of the files; 420 is 0o644", default: 0o644),
        Field("optional", .boolean, "Whether the pod may start without it", default: false),
    ])

    static let volume = Schema.object(
        fields: [
            Field("name", .string(format: .dnsLabel), "The name by which other containers mount it", required: true),
            Field(
                "mountPath", .string(format: .path),
                "Where the main container sees it; other containers only unless set"),
            Field("readOnly", .boolean, "Whether the main container may only read it", default: false),
            Field("emptyDir", emptyDir, "A directory that lives as long as the pod"),
            Field("hostPath", hostPath, "A file or directory of the node"),
            Field("persistent", persistent, "A directory that outlives the pod"),
            Field("config", projection, "The keys of a ConfigMap as files"),
            Field("secret", projection, "The keys of a Secret as files, on memory"),
        ], rules: [.exactlyOne(of: "emptyDir", "hostPath", "persistent", "config", "secret")])

    private static let emptyDir = Schema.object(fields: [
        Field("medium", .enumeration("Memory"), "`Memory` for a tmpfs; the node's disk unless set"),
        Field("sizeLimit", .string(format: .quantity), "How much a Memory directory may hold"),
    ])

    private static let hostPath = Schema.object(fields: [
        Field("path", .string(format: .path), "The absolute path on the node", required: true),
        Field(
            "type", .enumeration("Directory", "DirectoryOrCreate", "File", "FileOrCreate", "Socket"),
            "What must be there; anything unless set"),
    ])

    private static let persistent = Schema.object(fields: [
        Field("size", .string(format: .quantity), "How much it must hold")
    ])

    static let security = Schema.object(fields: [
        Field("runAsUser", .integer(min: 0, max: userLimit), "The numeric user; the image's unless set"),
        Field("runAsGroup", .integer(min: 0, max: userLimit), "The numeric group; the image's unless set"),
        Field("readOnlyRootFilesystem", .boolean, "Whether the root file system is read-only", default: false),
        Field(
            "capabilities",
            .object(fields: [
                Field("add", .strings(.capability, unique: true), "Added to the default ones"),
                Field(
                    "drop", .strings(.capability, unique: true), "Dropped from the default ones, before any is added"),
            ]), "Capabilities, by their name without `CAP_`, or `ALL`"),
        Field(
            "allowPrivilegeEscalation", .boolean, "Whether setuid programs may gain privileges", default: false),
        Field("seccomp", .enumeration("Default", "Unconfined"), "Which system calls are allowed", default: "Default"),
        Field(
            "userNamespace", .boolean, "Whether user ids are mapped to unprivileged ones of the node", default: true),
    ])

    /// The largest user id: 2^32 - 1 means "no change" to chown(2) and setuid(2).
    private static let userLimit: Int64 = 4_294_967_294

    static let health = Schema.object(fields: [
        Field("startup", probe(once: true), "Until it succeeds the others do not run"),
        Field("readiness", probe(once: false), "Whether the container gets traffic"),
        Field("liveness", probe(once: true), "When it fails the container is restarted"),
    ])

    /// A port by number or name.
    static let portReference = Schema.oneOf([portNumber, .string(format: .portName)])

    /// A probe. One whose success has no degrees (`once`) succeeds at the first success.
    private static func probe(once: Bool) -> Schema {
        .object(
            fields: [
                Field("http", httpCheck, "A GET that must answer 200 to 399"),
                Field(
                    "tcp", .object(fields: [Field("port", portReference, "The port", required: true)]),
                    "A connection that must be accepted"),
                Field(
                    "exec",
                    .object(fields: [
                        Field(
                            "command", .strings(.argument, minItems: 1), "The program and its arguments", required: true
                        )
                    ]), "A command in the container that must exit 0"),
                Field(
                    "grpc",
                    .object(fields: [
                        Field("port", portReference, "The port", required: true),
                        Field("service", .string(), "The service asked about; the server unless set"),
                    ]), "A gRPC health check that must answer SERVING"),
                Field("initialDelay", .string(format: .duration), "The time before the first check", default: "0s"),
                Field(
                    "period", .string(format: .positiveDuration), "The time from one check to the next", default: "10s"),
                Field("timeout", .string(format: .positiveDuration), "How long a check may take", default: "1s"),
                Field(
                    "failureThreshold", .integer(min: 1, max: 1_000_000), "How many checks in a row must fail",
                    default: 3),
                Field(
                    "successThreshold", .integer(min: 1, max: once ? 1 : 1_000_000),
                    "How many checks in a row must succeed after a failure", default: 1),
            ], rules: [.exactlyOne(of: "http", "tcp", "exec", "grpc")])
    }

    private static let httpCheck = Schema.object(fields: [
        Field("path", .string(format: .urlPath), "The path", default: "/"),
        Field("port", portReference, "The port", required: true),
        Field("host", .string(format: .nonEmpty), "The `Host` header; the pod's address unless set"),
        Field("headers", .map(values: .string(format: .headerValue), keys: .headerName), "Further headers"),
    ])
}
