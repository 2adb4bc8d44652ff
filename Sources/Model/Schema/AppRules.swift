/// The rules that tie an App's fields together.
enum AppRules {
    static let spec = [
        replicasOrAutoscale, containerNames, portNames, portNumbers, mountPaths, mountsHaveVolumes, probePorts,
        routePorts,
    ]
    static let container = [probePorts, containerMountPaths]
    static let initContainer = [containerMountPaths, noHealth]

    private static let replicasOrAutoscale = Rule("only one of replicas and autoscale is set") { object, path in
        guard object["replicas"] != nil, object["autoscale"] != nil else { return [] }
        return [
            FieldError(
                path.appending("replicas"), .conflict,
                "only one of replicas and autoscale may be set; with autoscale the server owns the count")
        ]
    }

    /// The containers beside the main one, with their paths.
    private static func containers(of spec: JSONObject, at path: FieldPath) -> [(object: JSONObject, path: FieldPath)] {
        ["initContainers", "sidecars"].flatMap { list in
            (spec[list]?.array ?? []).enumerated().compactMap { index, element in
                element.object.map { ($0, path.appending(list).appending(index)) }
            }
        }
    }

    private static let containerNames = Rule("container names are unique in the pod") { object, path in
        var repeats = Repeats()
        for container in containers(of: object, at: path) {
            guard let name = container.object["name"]?.string else { continue }
            repeats.note(name, at: container.path.appending("name"), found: JSONValue.string(name).shownInMessages)
        }
        // Names repeated in one list are reported with the list.
        return repeats.errors.filter { $0.isAcrossLists }.map(\.error)
    }

    /// Belongs to the whole document: the main container bears the App's name.
    static let mainContainerName = Rule("no other container is called like the App") { object, path in
        guard let name = object["metadata"]?["name"]?.string, let spec = object["spec"]?.object else { return [] }
        return containers(of: spec, at: path.appending("spec")).filter { $0.object["name"]?.string == name }.map {
            FieldError(
                $0.path.appending("name"), .duplicate, "the main container has the App's name",
                found: JSONValue.string(name).shownInMessages)
        }
    }

    /// The ports of the main container and its sidecars, which share a network namespace.
    private static func ports(of spec: JSONObject, at path: FieldPath) -> [(port: JSONObject, path: FieldPath)] {
        let owners = [(object: spec, path: path)] + containers(of: spec, at: path)
        return owners.flatMap { owner in
            (owner.object["ports"]?.array ?? []).enumerated().compactMap { index, element in
                element.object.map { ($0, owner.path.appending("ports").appending(index)) }
            }
        }
    }

    private static let portNames = Rule("port names are unique in the pod") { object, path in
        var repeats = Repeats()
        for entry in ports(of: object, at: path) {
            guard let name = entry.port["name"]?.string else { continue }
            repeats.note(name, at: entry.path.appending("name"), found: JSONValue.string(name).shownInMessages)
        }
        // Names repeated in one list are reported with the list.
        return repeats.errors.filter { $0.isAcrossLists }.map(\.error)
    }

    private static let portNumbers = Rule("port numbers are unique in the pod, TCP and UDP apart") { object, path in
        var repeats = Repeats()
        for entry in ports(of: object, at: path) {
            guard let number = entry.port["port"]?.integer else { continue }
            let transport = entry.port["protocol"]?.string == "UDP" ? "UDP" : "TCP"
            repeats.note("\(transport) \(number)", at: entry.path.appending("port"), found: "\(number)")
        }
        return repeats.errors.map(\.error)
    }

    private static let mountPaths = Rule("mount paths are unique in a container") { object, path in
        duplicateMounts(object["volumes"]?.array ?? [], at: path.appending("volumes"))
    }

    private static let containerMountPaths = Rule("mount paths are unique in a container") { object, path in
        duplicateMounts(object["volumeMounts"]?.array ?? [], at: path.appending("volumeMounts"))
    }

    private static func duplicateMounts(_ mounts: [JSONValue], at path: FieldPath) -> [FieldError] {
        var repeats = Repeats()
        for (index, mount) in mounts.enumerated() {
            guard let place = mount["mountPath"]?.string else { continue }
            let normal = place.split(separator: "/").filter { $0 != "." }.joined(separator: "/")
            let found = JSONValue.string(place).shownInMessages
            repeats.note(normal, at: path.appending(index).appending("mountPath"), found: found)
        }
        return repeats.errors.map(\.error)
    }

    private static let mountsHaveVolumes = Rule("every mount names a volume of the App") { object, path in
        let names = KnownNames(object["volumes"])
        return containers(of: object, at: path).flatMap { container in
            (container.object["volumeMounts"]?.array ?? []).enumerated().compactMap { index, mount in
                guard let name = mount["name"]?.string, !names.contains(name) else { return nil }
                return .unknownReference(
                    container.path.appending("volumeMounts").appending(index).appending("name"), "volume of the App",
                    name: name, known: names)
            }
        }
    }

    private static let probePorts = Rule("a probe's port name is a port of its container") { object, path in
        let names = KnownNames(object["ports"])
        return (object["health"]?.object?.members ?? []).flatMap { probe in
            ["http", "tcp", "grpc"].compactMap { action in
                guard let name = probe.value[action]?["port"]?.string, !names.contains(name) else { return nil }
                let place = path.appending("health").appending(probe.name).appending(action).appending("port")
                return .unknownReference(place, "port of the container", name: name, known: names)
            }
        }
    }

    private static let routePorts = Rule("a route's port is a port of the App") { object, path in
        let ports = object["ports"]?.array ?? []
        let names = KnownNames(object["ports"])
        let numbers = Set(ports.compactMap { $0["port"]?.integer })
        return (object["routes"]?.array ?? []).enumerated().compactMap { index, route in
            let place = path.appending("routes").appending(index).appending("port")
            if let name = route["port"]?.string, !names.contains(name) {
                return .unknownReference(place, "port of the App", name: name, known: names)
            }
            if let number = route["port"]?.integer, !ports.isEmpty, !numbers.contains(number) {
                let known = numbers.sorted().prefix(KnownNames.shown).map { "\($0)" }
                return FieldError(
                    place, .invalidValue, "expected a port of the App (\(known.joined(separator: ", ")))",
                    found: "\(number)", allowed: known)
            }
            if ports.isEmpty { return FieldError(place, .invalidValue, "a route needs an App with ports") }
            return nil
        }
    }

    private static let noHealth = Rule("containers that end have no health") { object, path in
        object["health"] == nil
            ? []
            : [FieldError(path.appending("health"), .forbidden, "containers that run to completion have no health")]
    }

    static let requestsWithinLimits = Rule("requests are at most limits") { object, path in
        (object["requests"]?.object?.members ?? []).compactMap { request in
            guard let limitValue = object["limits"]?[request.name], let limit = Quantity(json: limitValue),
                let amount = Quantity(json: request.value), amount > limit
            else { return nil }
            return FieldError(
                path.appending("requests").appending(request.name), .conflict,
                "expected at most limits.\(request.name), which is \(limit)", found: request.value.shownInMessages)
        }
    }

    static let someProgress = Rule("maxSurge and maxUnavailable are not both 0") { object, path in
        func isZero(_ name: String) -> Bool {
            object[name]?.integer == 0 || ["0%", "0"].contains(object[name]?.string)
        }
        guard object["strategy"]?.string == "Rolling", isZero("maxSurge"), isZero("maxUnavailable") else { return [] }
        return [
            FieldError(
                path.appending("maxSurge"), .conflict,
                "maxSurge and maxUnavailable may not both be 0, for no pod could then be replaced")
        ]
    }

    static let stepsNeedCanary = Rule("steps belong to strategy Canary") { object, path in
        guard object["steps"]?.array?.isEmpty == false, let strategy = object["strategy"]?.string,
            ["Rolling", "BlueGreen", "Recreate"].contains(strategy)
        else {
            return []
        }
        return [
            FieldError(
                path.appending("steps"), .conflict, "only strategy Canary takes steps, and the strategy is \(strategy)")
        ]
    }
}

extension Quantity {
    /// The quantity of a JSON string or number.
    init?(json: JSONValue) {
        switch json {
        case .string(let text): self.init(text)
        case .integer, .number: self.init(json.text())
        default: return nil
        }
    }
}

extension FieldError {
    /// A value that another field has already.
    static func repeated(_ path: FieldPath, of first: FieldPath, found: String?) -> FieldError {
        FieldError(path, .duplicate, "already used at \(first)", found: found)
    }

    /// A name that names nothing.
    static func unknownReference(_ path: FieldPath, _ thing: String, name: String, known: KnownNames) -> FieldError {
        let some = Array(known.list.prefix(KnownNames.shown))
        let list = some.isEmpty ? ", which has none" : " (\(some.joined(separator: ", ")))"
        return FieldError(
            path, .invalidValue, "expected a \(thing)\(list)", suggestion: NearestName.of(name, among: some),
            found: JSONValue.string(name).shownInMessages, allowed: some)
    }
}

/// The names of a list's elements, quick to look up in: a document may have very many.
struct KnownNames {
    /// How many names a message lists.
    static let shown = 20
    /// The names in the order of the list, each once.
    let list: [String]
    private let set: Set<String>

    /// Collects the member `name` of the elements of a list.
    init(_ elements: JSONValue?) {
        var seen: Set<String> = []
        list = (elements?.array ?? []).compactMap { $0["name"]?.string }.filter { seen.insert($0).inserted }
        set = seen
    }

    /// Whether an element has this name.
    func contains(_ name: String) -> Bool { set.contains(name) }
}

/// Finds values that occur more than once.
struct Repeats {
    private var firsts: [String: FieldPath] = [:]
    /// The second and later places of each value, and whether they are in another list than the first.
    private(set) var errors: [(error: FieldError, isAcrossLists: Bool)] = []

    /// Notes a value; `found` is how a message shows it.
    mutating func note(_ value: String, at path: FieldPath, found: String?) {
        guard let first = firsts[value] else {
            firsts[value] = path
            return
        }
        let isAcross = first.parent?.parent != path.parent?.parent
        errors.append((.repeated(path, of: first, found: found), isAcross))
    }
}
