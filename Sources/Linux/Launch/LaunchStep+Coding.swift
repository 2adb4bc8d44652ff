/// A step is an array: its name and then its values, in the order of their declaration. Synthesized coding would give every
/// step a type of keys, and the supervisor, of which there is one for each pod, tables for each of these types: some 0.1 MB.
extension LaunchStep: Codable {
    /// Writes the name and the values.
    public func encode(to encoder: any Encoder) throws {
        var values = encoder.unkeyedContainer()
        switch self {
        case .joinCgroups: try values.append("joinCgroups")
        case .unshare(let flags): try values.append("unshare", flags)
        case .privateMounts: try values.append("privateMounts")
        case .ownFiles(let id): try values.append("ownFiles", id)
        case .mapOwners(let path): try values.append("mapOwners", path)
        case .overlayRoot(let path, let data, let options): try values.append("overlayRoot", path, data, options)
        case .mount(let type, let destination, let options, let attributes):
            try values.append("mount", type, destination, options, attributes)
        case .bind(let source, let destination, let attributes):
            try values.append("bind", source, destination, attributes)
        case .bindBelow(let root, let path, let destination, let attributes):
            try values.append("bindBelow", root, path, destination, attributes)
        case .temporary(let destination, let options, let attributes):
            try values.append("temporary", destination, options, attributes)
        case .directory(let path, let mode): try values.append("directory", path, mode)
        case .device(let path, let mode, let major, let minor): try values.append("device", path, mode, major, minor)
        case .symlink(let path, let target): try values.append("symlink", path, target)
        case .mask(let path): try values.append("mask", path)
        case .readOnly(let path): try values.append("readOnly", path)
        case .terminal(let user): try values.append("terminal", user)
        case .console: try values.append("console")
        case .readOnlyRoot: try values.append("readOnlyRoot")
        case .pivot: try values.append("pivot")
        case .newSession: try values.append("newSession")
        case .newKeyring: try values.append("newKeyring")
        case .streams(let user): try values.append("streams", user)
        case .limit(let resource, let soft, let hard): try values.append("limit", resource, soft, hard)
        case .umask(let mask): try values.append("umask", mask)
        case .joinUserNamespace: try values.append("joinUserNamespace")
        case .boundingSet(let mask): try values.append("boundingSet", mask)
        case .user(let user, let group, let groups): try values.append("user", user, group, groups)
        case .capabilities(let mask): try values.append("capabilities", mask)
        case .noNewPrivileges: try values.append("noNewPrivileges")
        case .seccomp(let program): try values.append("seccomp", program)
        case .workingDirectory(let path): try values.append("workingDirectory", path)
        case .parentDeathSignal(let signal): try values.append("parentDeathSignal", signal)
        case .execute(let candidates, let arguments, let environment):
            try values.append("execute", candidates, arguments, environment)
        }
    }

    /// Reads the name and the values; throws when there is no such name, or a value is of another type.
    public init(from decoder: any Decoder) throws {
        var values = try decoder.unkeyedContainer()
        let name: String = try values.next()
        switch name {
        case "joinCgroups": self = .joinCgroups
        case "unshare": self = .unshare(flags: try values.next())
        case "privateMounts": self = .privateMounts
        case "ownFiles": self = .ownFiles(id: try values.next())
        case "mapOwners": self = .mapOwners(path: try values.next())
        case "overlayRoot":
            self = .overlayRoot(at: try values.next(), data: try values.next(), options: try values.next())
        case "mount":
            self = .mount(
                type: try values.next(), destination: try values.next(), options: try values.next(),
                attributes: try values.next())
        case "bind":
            self = .bind(source: try values.next(), destination: try values.next(), attributes: try values.next())
        case "bindBelow":
            self = .bindBelow(
                root: try values.next(), path: try values.next(), destination: try values.next(),
                attributes: try values.next())
        case "temporary":
            self = .temporary(destination: try values.next(), options: try values.next(), attributes: try values.next())
        case "directory": self = .directory(path: try values.next(), mode: try values.next())
        case "device":
            self = .device(
                path: try values.next(), mode: try values.next(), major: try values.next(), minor: try values.next())
        case "symlink": self = .symlink(path: try values.next(), target: try values.next())
        case "mask": self = .mask(path: try values.next())
        case "readOnly": self = .readOnly(path: try values.next())
        case "terminal": self = .terminal(user: try values.next())
        case "console": self = .console
        case "readOnlyRoot": self = .readOnlyRoot
        case "pivot": self = .pivot
        case "newSession": self = .newSession
        case "newKeyring": self = .newKeyring
        case "streams": self = .streams(user: try values.next())
        case "limit": self = .limit(resource: try values.next(), soft: try values.next(), hard: try values.next())
        case "umask": self = .umask(mask: try values.next())
        case "joinUserNamespace": self = .joinUserNamespace
        case "boundingSet": self = .boundingSet(mask: try values.next())
        case "user": self = .user(user: try values.next(), group: try values.next(), groups: try values.next())
        case "capabilities": self = .capabilities(mask: try values.next())
        case "noNewPrivileges": self = .noNewPrivileges
        case "seccomp": self = .seccomp(program: try values.next())
        case "workingDirectory": self = .workingDirectory(path: try values.next())
        case "parentDeathSignal": self = .parentDeathSignal(signal: try values.next())
        case "execute":
            self = .execute(candidates: try values.next(), arguments: try values.next(), environment: try values.next())
        default:
            throw DecodingError.dataCorruptedError(in: values, debugDescription: "there is no launch step \(name)")
        }
    }
}
