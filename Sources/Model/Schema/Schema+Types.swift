extension Schema {
    /// The schema of the documents of a type; of anything at all for a type that the API does not serve.
    public static func of(_ type: ResourceType) -> Schema {
        schemas.first { $0.type == type }?.schema ?? .any
    }

    private static let schemas: [(type: ResourceType, schema: Schema)] = [
        (.app, FieldStatus.marking(AppSchema.document)), (.revision, CoreSchema.revision), (.pod, CoreSchema.pod),
        (.node, CoreSchema.node), (.namespace, CoreSchema.namespace), (.configMap, CoreSchema.configMap),
        (.secret, CoreSchema.secret), (.event, CoreSchema.event),
    ]

    /// A whole document: `apiVersion`, `kind`, `metadata` and what the type adds.
    static func document(
        _ type: ResourceType, name: StringFormat, _ fields: [Field], additional: Additional = .none, rules: [Rule] = []
    ) -> Schema {
        let head = [
            Field(
                "apiVersion", .string(format: .enumeration([type.apiVersion])), "The group and version of the kind",
                required: true),
            Field("kind", .string(format: .enumeration([type.kind])), "The kind of object", required: true),
            Field(
                "metadata", MetaSchema.object(name: name, isNamespaced: type.isNamespaced),
                "What the object says about itself", required: true),
        ]
        return .object(fields: head + fields, additional: additional, rules: rules)
    }
}

/// The schemas of what objects say about themselves.
enum MetaSchema {
    /// Metadata of stored objects.
    static func object(name: StringFormat, isNamespaced: Bool) -> Schema {
        var own = [
            Field("name", .string(format: name), "The name, unique among the objects of one kind in one namespace"),
            Field("generateName", .string(format: .namePrefix), "The start of a name that the server completes"),
        ]
        if isNamespaced {
            own.append(Field("namespace", .string(format: .dnsLabel), "The namespace", default: "default"))
        }
        return .object(fields: own + notes + serverFields, rules: [isNamed, annotationSize])
    }

    /// Labels and annotations.
    static let notes = [
        Field("labels", labels, "Names to select by"),
        Field("annotations", .map(values: .string(), keys: .labelKey), "Notes for people and tools, 256 KiB together"),
    ]

    /// Label values by key.
    static let labels = Schema.map(values: .string(format: .labelValue), keys: .labelKey)

    private static let serverFields = [
        Field("uid", .string(), "Identity over all time; set by the server"),
        Field("resourceVersion", .string(), "The store's revision of the last change; set by the server"),
        Field("generation", .integer(min: 0), "Counts the changes of spec; set by the server"),
        Field("creationTimestamp", .string(format: .dateTime), "When the object was made; set by the server"),
        Field("deletionTimestamp", .string(format: .dateTime), "When deletion was asked for; set by the server"),
        Field(
            "deletionGracePeriodSeconds", .integer(min: 0, max: 315_360_000),
            "How long a deleted pod may take to stop; set by the server"
        ),
        Field("ownerReferences", .array(items: owner), "The objects that this one exists for"),
        Field("finalizers", .strings(.labelKey, unique: true), "Who must act before a deleted object may go"),
        Field("managedFields", .array(items: .any), "Who last set which fields; set by the server"),
        Field("selfLink", .string(), "Accepted and ignored"),
    ]

    private static let owner = Schema.object(fields: [
        Field("apiVersion", .string(format: .nonEmpty), "The owner's group and version", required: true),
        Field("kind", .string(format: .nonEmpty), "The owner's kind", required: true),
        Field("name", .string(format: .nonEmpty), "The owner's name", required: true),
        Field("uid", .string(format: .nonEmpty), "The owner's identity", required: true),
        Field("controller", .boolean, "Whether the owner manages this object"),
        Field("blockOwnerDeletion", .boolean, "Whether a foreground deletion of the owner waits for this object"),
    ])

    private static let isNamed = Rule("name or generateName is set") { object, path in
        object["name"] == nil && object["generateName"] == nil
            ? [FieldError(path.appending("name"), .required, "must be set")] : []
    }

    private static let annotationLimit = 256 << 10

    private static let annotationSize = Rule("annotations hold at most 256 KiB") { object, path in
        let members = object["annotations"]?.object?.members ?? []
        let size = members.reduce(0) { $0 + $1.name.utf8.count + ($1.value.string?.utf8.count ?? 0) }
        guard size > annotationLimit else { return [] }
        return [
            FieldError(
                path.appending("annotations"), .invalidValue, "expected at most \(annotationLimit) bytes in all",
                found: "\(size)")
        ]
    }
}
