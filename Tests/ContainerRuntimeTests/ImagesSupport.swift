import CLinux
import ContainerRuntime
import Glibc
import Linux
import Testing

/// Both ways to unpack: the same code, confined or not.
enum Unpacker: String, CaseIterable, Sendable {
    case inProcess, helper

    func make() -> any LayerUnpacker {
        guard self == .helper else { return InProcessUnpacker() }
        let executable = linkTarget("/proc/self/exe") ?? ""
        // The tests' program is beside the helper, or some levels below the folder that the helper is in.
        var directory = parentDirectory(of: executable)
        while directory.count > 1, !fileExists("\(directory)/image-unpacker") {
            directory = parentDirectory(of: directory)
        }
        return HelperUnpacker(executable: "\(directory)/image-unpacker")
    }
}

extension stat {
    var permissions: mode_t { st_mode & 0o7777 }
    var kind: mode_t { st_mode & S_IFMT }
    var isWhiteout: Bool { kind == S_IFCHR && st_rdev == 0 }
}

/// An extended attribute's value; nil when there is none.
func attribute(_ path: String, _ name: String) -> [UInt8]? {
    guard let file = try? Descriptor(opening: path, flags: O_RDONLY) else { return nil }
    var value = [UInt8](repeating: 0, count: 256)
    let count = unpack_fgetxattr(file.raw, name, &value, value.count)
    return count < 0 ? nil : Array(value[..<count])
}

/// What a symbolic link says; nil when there is none.
func linkTarget(_ path: String) -> String? {
    var target = [CChar](repeating: 0, count: 4096)
    let count = readlink(path, &target, target.count)
    return count < 0 ? nil : String(decoding: target[..<count].map { UInt8(bitPattern: $0) }, as: UTF8.self)
}

/// Runs a program to its end and returns what it wrote; its failure is the test's.
func run(_ arguments: [String]) throws -> String {
    var ends: [Int32] = [-1, -1]
    try #require(socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0, &ends) == 0)
    let output = Descriptor(owning: ends[0])
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO)
    let argv = arguments.map { strdup($0) } + [nil]
    defer { for argument in argv { free(argument) } }
    var pid: pid_t = 0
    let code = posix_spawn(&pid, arguments[0], &actions, nil, argv, environ)
    close(ends[1])
    try #require(code == 0)
    let text = try readAll(output.raw, path: arguments[0], limit: 1 << 20)
    var status: Int32 = 0
    waitpid(pid, &status, 0)
    #expect(status == 0, "\(arguments)")
    return String(decoding: text, as: UTF8.self)
}

/// The processes that any thread of this one has started.
func children() throws -> [Int32] {
    try listDirectory("/proc/self/task").flatMap { task in
        try readText("/proc/self/task/\(task)/children").split(separator: " ").compactMap { Int32($0) }
    }
}

/// A thread that is waited for.
final class Thread {
    private final class Body {
        let run: () -> Void
        init(_ run: @escaping () -> Void) { self.run = run }
    }
    private var thread = pthread_t()

    init(_ body: @escaping () -> Void) {
        let box = Unmanaged.passRetained(Body(body))
        pthread_create(
            &thread, nil,
            { argument in
                if let argument { Unmanaged<Body>.fromOpaque(argument).takeRetainedValue().run() }
                return nil
            }, box.toOpaque())
    }

    func join() { pthread_join(thread, nil) }
}

/// Everything in a directory that a stranger could have changed, with its content.
func snapshot(_ path: String) throws -> [String] {
    guard let status = status(path) else { return [] }
    let line =
        "\(path) \(status.st_mode) \(status.st_uid) \(status.st_nlink) \(status.st_mtim.tv_sec).\(status.st_mtim.tv_nsec)"
    switch status.kind {
    case S_IFDIR: return try [line] + listDirectory(path).flatMap { try snapshot("\(path)/\($0)") }
    case S_IFREG: return [try line + readText(path)]
    default: return [line]
    }
}
