/// The table of a pod's fields (core v1). Fields of Kubernetes that Martlet does not know are kept as they are.
enum PodSchema {
    /// A pod's spec. A template's spec is written by the control plane and has no defaults of its own.
    static func spec(isTemplate: Bool) -> Schema {
        .object(
            fields: [
                Field("nodeName", .string(format: .dnsSubdomain), "The node it runs on; set by the scheduler"),
                Field(
                    "containers", .array(items: container, minItems: isTemplate ? 0 : 1, key: "name"),
                    "The containers; the first is the main one",
                    required: !isTemplate),
                Field(
                    "initContainers", .array(items: container, key: "name"),
                    "Containers that run before the others start"),
                Field("volumes", .array(items: volume, key: "name"), "Volumes that containers mount"),
                Field(
                    "restartPolicy", .enumeration("Always", "OnFailure", "Never"), "Which ended containers start again",
                    default: isTemplate ? nil : "Always"),
                Field(
                    "terminationGracePeriodSeconds", .integer(min: 0, max: tenYears),
                    "How long after the stop signal it is killed",
                    default: isTemplate ? nil : 30),
                Field("nodeSelector", MetaSchema.labels, "Labels a node must have"),
                Field("tolerations", .array(items: toleration), "Taints of nodes that are put up with"),
                Field("topologyKeys", .strings(.labelKey, unique: true), "Topology keys over which pods are spread"),
                Field("hostname", .string(format: .dnsLabel), "The host name; the pod's name unless set"),
                Field("hostNetwork", .boolean, "Whether the pod uses the node's network"),
                Field("drain", .string(format: .duration), "How long requests in flight may take to finish"),
            ], additional: .any, rules: [mountsHaveVolumes])
    }

    /// In seconds: longer lengths of time are mistakes.
    private static let tenYears: Int64 = 315_360_000

    private static let toleration = Schema.object(
        fields: ["key", "operator", "value", "effect"].map { Field($0, .string(), "The taint's \($0)") },
        additional: .any)

    private static let container = Schema.object(
        fields: [
            Field("name", .string(format: .dnsLabel), "The name, unique in the pod", required: true),
            Field("image", .string(format: .nonEmpty), "The image reference"),
            Field("command", .strings(.argument), "Replaces the image's entrypoint"),
            Field("args", .strings(.argument), "Replaces the image's arguments"),
            Field("workingDir", .string(format: .argument), "The directory to start in"),
            Field("env", .array(items: variable), "Environment variables"),
            Field("ports", .array(items: port), "Ports it listens on"),
            Field("resources", resources, "What it needs and may use"),
            Field("volumeMounts", .array(items: mount), "Where it sees the pod's volumes"),
            Field("startupProbe", probe, "Until it succeeds the others do not run"),
            Field("readinessProbe", probe, "Whether it gets traffic"),
            Field("livenessProbe", probe, "When it fails the container is restarted"),
            Field("restartPolicy", .enumeration("Always"), "Always lets an init container run beside the others"),
            Field(
                "lifecycle",
                .object(fields: [Field("stopSignal", .string(), "The signal that asks it to stop")], additional: .any),
                "How it is stopped"),
            Field("securityContext", security, "Who it runs as and what it may do"),
            Field("stdin", .boolean, "Whether standard input is kept open"),
            Field("tty", .boolean, "Whether it has a terminal"),
        ], additional: .any)

    private static let quantities = Schema.map(values: .string(format: .quantity))

    private static let resources = Schema.object(
        fields: [
            Field("requests", quantities, "What is set aside"), Field("limits", quantities, "What cannot be exceeded"),
        ], additional: .any, rules: [AppRules.requestsWithinLimits])

    private static let mount = Schema.object(
        fields: [
            Field("name", .string(format: .nonEmpty), "The volume's name", required: true),
            Field("mountPath", .string(format: .path), "The absolute path in the container", required: true),
            Field("readOnly", .boolean, "Whether the container may only read it"),
            Field("subPath", .string(format: .argument), "A path below the volume"),
        ], additional: .any)

    private static let port = Schema.object(
        fields: [
            Field("name", .string(format: .portName), "The name by which probes refer to it"),
            Field("containerPort", AppSchema.portNumber, "The number", required: true),
            Field("protocol", .enumeration("TCP", "UDP", "SCTP"), "The transport"),
            Field("hostPort", .integer(min: 0, max: 65535), "A port of the node that leads to this one"),
            Field("appProtocol", .string(), "The protocol on top"),
        ], additional: .any)

    private static func reference(_ first: String, _ second: String?) -> Schema {
        var fields = [Field(first, .string(format: .nonEmpty), "The object's \(first)", required: true)]
        if let second {
            fields.append(Field(second, .string(format: .nonEmpty), "The \(second) in it", required: true))
        }
        fields.append(Field("optional", .boolean, "Whether it may be absent"))
        return .object(fields: fields, additional: .any)
    }

    private static let variable = Schema.object(
        fields: [
            Field("name", .string(format: .environmentName), "The name", required: true),
            Field("value", .string(format: .argument), "The value"),
            Field(
                "valueFrom",
                .object(
                    fields: [
                        Field("secretKeyRef", reference("name", "key"), "A key of a Secret"),
                        Field("configMapKeyRef", reference("name", "key"), "A key of a ConfigMap"),
                        Field("fieldRef", reference("fieldPath", nil), "A field of the pod"),
                    ], additional: .any), "Where the value comes from"),
        ], additional: .any)

    private static let volume = Schema.object(
        fields: [
            Field("name", .string(format: .dnsLabel), "The name by which containers mount it", required: true),
            Field(
                "emptyDir",
                .object(
                    fields: [
                        Field("medium", .string(), "`Memory` for a tmpfs"),
                        Field("sizeLimit", .string(format: .quantity), "How much it may hold"),
                    ], additional: .any), "A directory that lives as long as the pod"),
            Field(
                "hostPath",
                .object(
                    fields: [
                        Field("path", .string(format: .path), "The path on the node", required: true),
                        Field("type", .string(), "What must be there"),
                    ], additional: .any), "A file or directory of the node"),
            Field("configMap", projection, "The keys of a ConfigMap as files"),
            Field("secret", projection, "The keys of a Secret as files"),
        ], additional: .any)

    private static let projection = Schema.object(
        fields: [
            Field("name", .string(), "The object's name"),
            Field(
                "items",
                .array(
                    items: .object(
                        fields: [
                            Field("key", .string(format: .configKey), "The key", required: true),
                            Field("path", .string(format: .relativePath), "The file", required: true),
                        ], additional: .any)), "Which keys become which files"),
            Field("mode", .integer(min: 0, max: 0o777), "The permission bits of the files"),
            Field("optional", .boolean, "Whether the pod may start without it"),
        ], additional: .any)

    private static let security = Schema.object(
        fields: [
            Field("runAsUser", .integer(min: 0, max: 4_294_967_294), "The numeric user"),
            Field("runAsGroup", .integer(min: 0, max: 4_294_967_294), "The numeric group"),
            Field("readOnlyRootFilesystem", .boolean, "Whether the root file system is read-only"),
            Field(
                "capabilities",
                .object(
                    fields: [
                        Field("add", .strings(.capability), "Added to the default ones"),
                        Field("drop", .strings(.capability), "Dropped from the default ones"),
                    ], additional: .any), "Capabilities"),
            Field("allowPrivilegeEscalation", .boolean, "Whether setuid programs may gain privileges"),
            Field("seccomp", .enumeration("Default", "Unconfined"), "Which system calls are allowed"),
            Field("userNamespace", .boolean, "Whether user ids are mapped to unprivileged ones of the node"),
        ], additional: .any)

    private static let probe = Schema.object(
        fields: [
            Field(
                "httpGet",
                .object(
                    fields: [
                        Field("path", .string(format: .urlPath), "The path"),
                        Field("port", AppSchema.portReference, "The port", required: true),
                        Field("host", .string(), "The `Host` header"),
                        Field(
                            "httpHeaders",
                            .array(
                                items: .object(
                                    fields: [
                                        Field(
                                            "name", .string(format: .headerName), "The header's name", required: true),
                                        Field(
                                            "value", .string(format: .headerValue), "The header's value", required: true
                                        ),
                                    ], additional: .any)), "Further headers"),
                    ], additional: .any), "A GET that must answer 200 to 399"),
            Field(
                "tcpSocket",
                .object(fields: [Field("port", AppSchema.portReference, "The port", required: true)], additional: .any),
                "A connection that must be accepted"),
            Field(
                "exec", .object(fields: [Field("command", .strings(.argument), "The program")], additional: .any),
                "A command that must exit 0"),
            Field(
                "grpc",
                .object(
                    fields: [
                        Field("port", AppSchema.portReference, "The port", required: true),
                        Field("service", .string(), "The service asked about"),
                    ], additional: .any), "A gRPC health check"),
            Field(
                "initialDelayMilliseconds", .integer(min: 0, max: tenYears * 1000), "The time before the first check"),
            Field("periodMilliseconds", .integer(min: 1, max: tenYears * 1000), "The time from one check to the next"),
            Field("timeoutMilliseconds", .integer(min: 1, max: tenYears * 1000), "How long a check may take"),
            Field("failureThreshold", .integer(min: 1, max: 1_000_000), "How many checks in a row must fail"),
            Field("successThreshold", .integer(min: 1, max: 1_000_000), "How many checks in a row must succeed"),
        ], additional: .any)

    private static let mountsHaveVolumes = Rule("every mount names a volume of the pod") { object, path in
        let names = KnownNames(object["volumes"])
        return ["initContainers", "containers"].flatMap { list in
            (object[list]?.array ?? []).enumerated().flatMap { index, container in
                (container["volumeMounts"]?.array ?? []).enumerated().compactMap { mountIndex, mount in
                    guard let name = mount["name"]?.string, !names.contains(name) else { return nil }
                    let place = path.appending(list).appending(index).appending("volumeMounts").appending(mountIndex)
                    return .unknownReference(place.appending("name"), "volume of the pod", name: name, known: names)
                }
            }
        }
    }
}
