import Client
import ContainerRuntime
import Glibc
import Model
import Wire

/// `martlet image`: the images on this machine.
enum ImageCommands {
    static let all: [Command] = [
        Command(
            path: ["image", "ls"], aliases: ["list"], summary: "List the images on this machine",
            options: [.dataDirectory, .init("output", short: "o", .value("FORMAT"), "json, yaml or name")],
            examples: ["martlet image ls"], run: list),
        Command(
            path: ["image", "import"], summary: "Import images from a layout, an archive or a directory",
            usage: "REFERENCE...",
            discussion: """
                References: oci:DIRECTORY[:TAG], oci-archive:FILE[:TAG], docker-archive:FILE[:TAG]. A plain path is looked at and
                taken for what it is. Manifests refer to the image by the same reference, or by the digest that is printed.
                """,
            options: [.dataDirectory],
            examples: [
                "martlet image import oci:/srv/images/web:1.0", "martlet image import docker-archive:/tmp/web.tar",
            ],
            run: importImages),
        Command(
            path: ["image", "rm"], aliases: ["remove"], summary: "Forget images",
            usage: "REFERENCE|DIGEST...", discussion: "What they take on disk goes with `martlet image gc`.",
            options: [.dataDirectory], examples: ["martlet image rm oci:/srv/images/web:1.0"], run: remove),
        Command(
            path: ["image", "gc"], summary: "Remove images that nothing uses",
            discussion:
                "Images that a pod or a revision uses are kept; without a server that can say which, nothing is removed.",
            options: [
                .dataDirectory,
                .init("force", .flag, "Do not ask the server: only images imported under a name are kept"),
            ],
            examples: ["martlet image gc"], run: collect),
    ]

    private static func store(_ call: Invocation) throws -> any ImageStore {
        try Installation(call).imageStore()
    }

    private static func list(_ call: Invocation) throws -> Int32 {
        let images = try store(call).list()
        let format = try OutputFormat(call.value("output"))
        switch format {
        case .table, .wide:
            var table = TextTable(headers: ["REFERENCE", "DIGEST", "PLATFORM", "SIZE", "IMPORTED"])
            for image in images {
                let age =
                    HumanDuration.text(call.context.clock.wall() - Timestamp(nanoseconds: image.importedAt)) + " ago"
                for reference in image.references.isEmpty ? ["<none>"] : image.references.sorted() {
                    table.rows.append([
                        reference, String(image.id.text.prefix(19)), image.platform, size(image.sizeBytes), age,
                    ])
                }
            }
            call.context.output(table.text())
        case .name: for image in images { call.context.print(image.id.text) }
        default:
            let documents = images.map { image -> JSONValue in
                [
                    "digest": .string(image.id.text),
                    "references": .array(image.references.sorted().map(JSONValue.string)),
                    "platform": .string(image.platform), "sizeBytes": .integer(image.sizeBytes),
                    "importedAt": .string(Timestamp(nanoseconds: image.importedAt).description),
                ]
            }
            call.context.output(format.text(of: documents, asList: true))
        }
        return 0
    }

    private static func importImages(_ call: Invocation) throws -> Int32 {
        guard !call.arguments.isEmpty else { throw UsageError(message: "say which image", path: ["image", "import"]) }
        let store = try store(call)
        var code: Int32 = 0
        for argument in call.arguments {
            do {
                let reference = try reference(argument)
                let id = try store.resolve(reference)
                _ = try store.unpacked(id)
                call.context.print("\(reference) \(id)")
            } catch {
                code = call.report(error)
            }
        }
        return code
    }

    /// A reference as the store takes it: relative paths become absolute, plain paths get the form that fits what is there.
    private static func reference(_ argument: String) throws -> String {
        let schemes = ["oci:", "oci-archive:", "docker-archive:", "rootfs:"]
        guard let scheme = schemes.first(where: { argument.hasPrefix($0) }) else {
            guard argument.hasPrefix("/") || argument.hasPrefix(".") else { return argument }
            let path = absolute(argument)
            if access("\(path)/oci-layout", F_OK) == 0 { return "oci:\(path)" }
            var status = stat()
            guard stat(path, &status) == 0 else {
                throw CommandFailure(message: "\(argument): \(String(cString: strerror(errno)))")
            }
            return status.st_mode & S_IFMT == S_IFDIR ? "rootfs:\(path)" : "docker-archive:\(path)"
        }
        return scheme + absolute(String(argument.dropFirst(scheme.count)))
    }

    private static func absolute(_ path: String) -> String {
        guard !path.hasPrefix("/"), let directory = getcwd(nil, 0) else { return path }
        defer { free(directory) }
        return "\(String(cString: directory))/\(path.hasPrefix("./") ? String(path.dropFirst(2)) : path)"
    }

    private static func remove(_ call: Invocation) throws -> Int32 {
        guard !call.arguments.isEmpty else { throw UsageError(message: "say which image", path: ["image", "rm"]) }
        let store = try store(call)
        var code: Int32 = 0
        for argument in call.arguments {
            do {
                try store.remove(argument)
                call.context.print("removed \(argument)")
            } catch {
                code = call.report(error)
            }
        }
        return code
    }

    private static func collect(_ call: Invocation) throws -> Int32 {
        var inUse: Set<ImageID> = []
        if !call.flag("force") {
            let api = try call.connect()
            do {
                for pod in try api.list(Pod.self, namespace: nil) {
                    let statuses = (pod.status?.containerStatuses ?? []) + (pod.status?.initContainerStatuses ?? [])
                    inUse.formUnion(statuses.map { ImageID($0.imageID) })
                    inUse.formUnion(digests(of: pod.spec))
                }
                for revision in try api.list(Revision.self, namespace: nil) {
                    inUse.formUnion(digests(of: revision.spec.template.spec))
                }
            } catch {
                throw CommandFailure(
                    message:
                        "\(error)\nwithout a server that says what is in use nothing is removed; --force does all the same"
                )
            }
        }
        let freed = try store(call).collectGarbage(inUse: inUse)
        call.context.print("freed \(size(freed))")
        return 0
    }

    private static func digests(of spec: PodSpec) -> [ImageID] {
        (spec.initContainers + spec.containers).compactMap { container in
            container.image.firstRange(of: "@sha256:").map {
                ImageID(String(container.image[$0.lowerBound...].dropFirst()))
            }
        }
    }

    /// A count of bytes for people: `12.3 MB`.
    static func size(_ bytes: Int64) -> String {
        var value = Double(bytes)
        for unit in ["B", "kB", "MB", "GB"] {
            if value < 1000 { return unit == "B" ? "\(bytes) B" : "\((value * 10).rounded() / 10) \(unit)" }
            value /= 1000
        }
        return "\((value * 10).rounded() / 10) TB"
    }
}
