import CLinux
import Glibc

/// Launch steps in the form in which the child, which may not allocate, carries them out.
final class LaunchProgram {
    private(set) var steps: [linux_step] = []
    private var allocations: [UnsafeMutableRawPointer] = []

    init(_ steps: [LaunchStep]) {
        self.steps.reserveCapacity(steps.count)
        for step in steps { self.steps.append(encode(step)) }
    }

    deinit { for allocation in allocations { free(allocation) } }

    private func encode(_ step: LaunchStep) -> linux_step {
        var result = linux_step()
        switch step {
        case .mapOwners(let path): result = encoded(LAUNCH_MAP_OWNERS, path: path)
        case .overlayRoot(let path, let data, let options):
            result = encoded(LAUNCH_OVERLAY_ROOT, path: path, other: data, list: options)
        case .mount(let type, let destination, let options, let attributes):
            result = encoded(LAUNCH_MOUNT, path: destination, other: type, list: options, attributes)
        case .bind(let source, let destination, let attributes):
            result = encoded(LAUNCH_BIND, path: destination, other: source, attributes)
        case .bindBelow(let root, let path, let destination, let attributes):
            result = encoded(LAUNCH_BIND, path: destination, other: root, list: [path], attributes)
        case .temporary(let destination, let options, let attributes):
            result = encoded(LAUNCH_TEMPORARY, path: destination, list: options, attributes)
        case .directory(let path, let mode): result = encoded(LAUNCH_DIRECTORY, path: path, UInt64(mode))
        case .device(let path, let mode, let major, let minor):
            result = encoded(LAUNCH_DEVICE, path: path, UInt64(mode), UInt64(major), UInt64(minor))
        case .symlink(let path, let target): result = encoded(LAUNCH_SYMLINK, path: path, other: target)
        case .mask(let path): result = encoded(LAUNCH_MASK, path: path)
        case .readOnly(let path): result = encoded(LAUNCH_READ_ONLY, path: path)
        case .workingDirectory(let path): result = encoded(LAUNCH_WORKING_DIRECTORY, path: path)
        case .user(let user, let group, let groups):
            result = encoded(LAUNCH_USER, UInt64(user), UInt64(group))
            result.numbers = UnsafePointer(copy(groups))
            result.count = UInt32(groups.count)
        case .seccomp(let program):
            let bytes = [UInt8](hexadecimal: program) ?? []
            result = encoded(LAUNCH_SECCOMP, UInt64(bytes.count))
            result.program = UnsafeRawPointer(copy(bytes))
        case .execute(let candidates, let arguments, let environment):
            result = encoded(LAUNCH_EXECUTE, list: candidates)
            result.arguments = strings(arguments)
            result.environment = strings(environment)
        default: result = encodeNumbers(step)
        }
        return result
    }

    private func encodeNumbers(_ step: LaunchStep) -> linux_step {
        switch step {
        case .joinCgroups: encoded(LAUNCH_JOIN_CGROUPS)
        case .unshare(let flags): encoded(LAUNCH_UNSHARE, UInt64(UInt32(bitPattern: flags)))
        case .privateMounts: encoded(LAUNCH_PRIVATE_MOUNTS)
        case .ownFiles(let id): encoded(LAUNCH_OWN_FILES, UInt64(id))
        case .joinUserNamespace: encoded(LAUNCH_JOIN_USER_NAMESPACE)
        case .terminal(let user): encoded(LAUNCH_TERMINAL, UInt64(user))
        case .console: encoded(LAUNCH_CONSOLE)
        case .readOnlyRoot: encoded(LAUNCH_READ_ONLY_ROOT)
        case .pivot: encoded(LAUNCH_PIVOT)
        case .newSession: encoded(LAUNCH_NEW_SESSION)
        case .newKeyring: encoded(LAUNCH_NEW_KEYRING)
        case .streams(let user): encoded(LAUNCH_STREAMS, UInt64(user))
        case .limit(let resource, let soft, let hard):
            encoded(LAUNCH_LIMIT, UInt64(UInt32(bitPattern: resource)), soft, hard)
        case .umask(let mask): encoded(LAUNCH_UMASK, UInt64(mask))
        case .boundingSet(let mask): encoded(LAUNCH_BOUNDING_SET, mask)
        case .capabilities(let mask): encoded(LAUNCH_CAPABILITIES, mask)
        case .noNewPrivileges: encoded(LAUNCH_NO_NEW_PRIVILEGES)
        case .parentDeathSignal(let signal): encoded(LAUNCH_PARENT_DEATH_SIGNAL, UInt64(UInt32(bitPattern: signal)))
        default: linux_step()  // Operation 0, which the child refuses.
        }
    }

    private func encoded(
        _ operation: linux_operation, path: String? = nil, other: String? = nil, list: [String] = [],
        _ a: UInt64 = 0, _ b: UInt64 = 0, _ c: UInt64 = 0
    ) -> linux_step {
        var step = linux_step()
        step.operation = operation.rawValue
        step.path = path.map(string)
        step.other = other.map(string)
        if !list.isEmpty { step.list = strings(list) }
        step.count = UInt32(list.count)
        (step.a, step.b, step.c) = (a, b, c)
        return step
    }

    private func string(_ text: String) -> UnsafePointer<CChar> {
        UnsafePointer(copy(text.utf8.map { CChar(bitPattern: $0) } + [0]))
    }

    /// A null-terminated array of strings.
    private func strings(_ texts: [String]) -> UnsafePointer<UnsafePointer<CChar>?> {
        UnsafePointer(copy(texts.map { Optional(string($0)) } + [nil]))
    }

    private func copy<Element>(_ elements: [Element]) -> UnsafeMutablePointer<Element> {
        let memory = UnsafeMutablePointer<Element>.allocate(capacity: max(elements.count, 1))
        memory.initialize(from: elements, count: elements.count)
        allocations.append(UnsafeMutableRawPointer(memory))
        return memory
    }
}

extension [UInt8] {
    /// Reads pairs of hexadecimal digits; nil when the text is anything else.
    public init?(hexadecimal text: String) {
        var text = text
        let bytes: [UInt8]? = text.withUTF8 { digits in
            guard digits.count.isMultiple(of: 2) else { return nil }
            var bytes = [UInt8](repeating: 0, count: digits.count / 2)
            for index in bytes.indices {
                guard let high = Self.value(digits[2 * index]), let low = Self.value(digits[2 * index + 1]) else {
                    return nil
                }
                bytes[index] = high << 4 | low
            }
            return bytes
        }
        guard let bytes else { return nil }
        self = bytes
    }

    private static func value(_ digit: UInt8) -> UInt8? {
        switch digit {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): digit - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): digit - UInt8(ascii: "a") + 10
        default: nil
        }
    }

    /// The bytes as pairs of lower-case hexadecimal digits.
    public var hexadecimal: String {
        let digits = Array("0123456789abcdef".utf8)
        var text: [UInt8] = []
        text.reserveCapacity(count * 2)
        for byte in self {
            text.append(digits[Int(byte >> 4)])
            text.append(digits[Int(byte & 15)])
        }
        return String(decoding: text, as: UTF8.self)
    }
}
