/// The tables of the other types. Where Kubernetes has fields that Martlet does not act on, they are kept as they are.
enum CoreSchema {
    private static let status = Field(
        "status", .object(fields: [], additional: .any), "What was observed; written by the server only")

    static let namespace = Schema.document(
        .namespace, name: .dnsLabel,
        [Field("spec", .object(fields: [], additional: .any), "Kept as it is"), status])

    static let revision = Schema.document(
        .revision, name: .dnsLabel,
        [
            Field(
                "spec",
                .object(fields: [
                    Field("revision", .integer(min: 0), "Counts an App's revisions from 1", required: true),
                    Field("templateHash", .string(), "The hash that the revision is named after", required: true),
                    Field(
                        "template",
                        .object(fields: [
                            Field(
                                "metadata", .object(fields: MetaSchema.notes, additional: .any), "The pods' metadata"),
                            Field("spec", PodSchema.spec(isTemplate: true), "The pods' spec"),
                        ]), "The pods of this revision", required: true),
                ]), "The snapshot; it never changes", required: true),
            status,
        ])

    static let pod = Schema.document(
        .pod, name: .dnsSubdomain,
        [Field("spec", PodSchema.spec(isTemplate: false), "What is asked for", required: true), status])

    static let node = Schema.document(
        .node, name: .dnsSubdomain,
        [
            Field(
                "spec",
                .object(
                    fields: [
                        Field("unschedulable", .boolean, "Whether the node takes no new pods"),
                        Field("taints", .array(items: taint), "What pods must put up with to run here"),
                        Field("podCIDR", .string(), "The addresses its pods get"),
                    ], additional: .any), "What is asked for"),
            Field(
                "status",
                .object(
                    fields: [
                        Field("capacity", .map(values: .string(format: .quantity)), "What the machine has"),
                        Field("allocatable", .map(values: .string(format: .quantity)), "What of it pods may request"),
                    ], additional: .any), "What was observed; written by the node's agent"),
        ])

    private static let taint = Schema.object(
        fields: [
            Field("key", .string(format: .labelKey), "The key", required: true),
            Field("value", .string(format: .labelValue), "The value"),
            Field("effect", .string(format: AppSchema.effects), "What it does to pods", required: true),
        ], additional: .any)

    private static let immutable = Field("immutable", .boolean, "Whether the data can no longer change")

    static let configMap = Schema.document(
        .configMap, name: .dnsSubdomain,
        [
            Field("data", .map(values: .string(), keys: .configKey), "Text by key"),
            Field("binaryData", .map(values: .string(format: .base64), keys: .configKey), "Bytes by key, in base64"),
            immutable,
        ],
        rules: [
            sizeLimit(["data", "binaryData"]),
            Rule("data and binaryData have no key in common") { object, path in
                let texts = Set(object["data"]?.object?.keys ?? [])
                return (object["binaryData"]?.object?.keys ?? []).filter(texts.contains).map {
                    .repeated(
                        path.appending("binaryData").appending($0), of: path.appending("data").appending($0), found: nil
                    )
                }
            },
        ])

    static let secret = Schema.document(
        .secret, name: .dnsSubdomain,
        [
            Field("data", .map(values: .string(format: .base64), keys: .configKey), "Bytes by key, in base64"),
            Field(
                "stringData", .map(values: .string(), keys: .configKey), "Text by key; the server moves it into data"),
            Field("type", .string(format: .nonEmpty), "What the secret is for", default: "Opaque"),
            immutable,
        ], rules: [sizeLimit(["data", "stringData"])])

    /// How much a ConfigMap or Secret may hold, as in Kubernetes.
    private static let dataLimit = 1 << 20

    private static func sizeLimit(_ names: [String]) -> Rule {
        Rule("the data is at most 1 MiB") { object, path in
            let members = names.flatMap { object[$0]?.object?.members ?? [] }
            let size = members.reduce(0) { $0 + $1.name.utf8.count + ($1.value.string?.utf8.count ?? 0) }
            guard size > dataLimit else { return [] }
            return [
                FieldError(
                    path.appending(names[0]), .invalidValue, "expected at most \(dataLimit) bytes in all",
                    found: "\(size)")
            ]
        }
    }

    static let event = Schema.document(
        .event, name: .dnsSubdomain,
        [
            Field(
                "involvedObject",
                .object(
                    fields: ["apiVersion", "kind", "namespace", "name", "uid", "fieldPath"].map {
                        Field($0, .string(), "The object's \($0)")
                    }, additional: .any), "What it happened to", required: true),
            Field("reason", .string(), "One CamelCase word"),
            Field("message", .string(), "A sentence"),
            Field("type", .enumeration("Normal", "Warning"), "How grave it is", default: "Normal"),
            Field("count", .integer(min: 0, max: .max), "How often it happened"),
            Field("firstTimestamp", .string(format: .dateTime), "When it happened first"),
            Field("lastTimestamp", .string(format: .dateTime), "When it happened last"),
            Field(
                "source",
                .object(
                    fields: [
                        Field("component", .string(), "The part of Martlet"),
                        Field("host", .string(), "The node it runs on"),
                    ], additional: .any), "Who says so"),
        ], additional: .any)
}
