import Glibc

/// What a program said and how it ended.
struct ProcessResult {
    var code: Int32
    var out: String
    var err: String
    var all: String { out + err }
}

/// A program that runs.
final class RunningProcess {
    private let id: pid_t
    private let directory: String

    /// Starts a program; what it says goes into files of its own.
    init(_ program: String, _ arguments: [String], environment: [String], directory: String, input: String = "") throws
    {
        self.directory = directory + "/process-\(UInt32.random(in: 0...UInt32.max))"
        guard mkdir(self.directory, 0o700) == 0 else { throw TestFailure("cannot make \(self.directory)") }
        try TestFile.write(input, to: self.directory + "/in")
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_addopen(&actions, 0, self.directory + "/in", O_RDONLY, 0)
        posix_spawn_file_actions_addopen(&actions, 1, self.directory + "/out", O_WRONLY | O_CREAT, 0o600)
        posix_spawn_file_actions_addopen(&actions, 2, self.directory + "/err", O_WRONLY | O_CREAT, 0o600)
        let argv = ([program] + arguments).map { strdup($0) } + [nil]
        let envp = environment.map { strdup($0) } + [nil]
        defer { for pointer in argv + envp { free(pointer) } }
        var id = pid_t()
        guard posix_spawn(&id, program, &actions, nil, argv, envp) == 0 else {
            throw TestFailure("cannot start \(program)")
        }
        self.id = id
    }

    /// What the program has said so far.
    var out: String { TestFile.read(directory + "/out") }
    /// What it has said on standard error.
    var err: String { TestFile.read(directory + "/err") }

    /// Asks the program to end.
    func terminate() { kill(id, SIGTERM) }

    /// Waits until the program has said so many lines; false when it ends, or says too little for a long time.
    func waitForLines(_ count: Int) throws -> Bool {
        let changes = inotify_init1(Int32(O_CLOEXEC))
        guard changes >= 0 else { throw TestFailure("cannot watch files") }
        defer { close(changes) }
        inotify_add_watch(changes, directory + "/out", UInt32(IN_MODIFY))
        for _ in 0..<100 {
            if out.split(separator: "\n").count >= count { return true }
            var ready = pollfd(fd: changes, events: Int16(POLLIN), revents: 0)
            guard poll(&ready, 1, 30_000) > 0 else { return false }
            var events = [UInt8](repeating: 0, count: 4096)
            _ = read(changes, &events, events.count)
        }
        return false
    }

    /// Waits until the program has ended.
    func wait() -> ProcessResult {
        var status: Int32 = 0
        while waitpid(id, &status, 0) < 0, errno == EINTR {}
        let code = status & 0x7F == 0 ? status >> 8 & 0xFF : 128 + (status & 0x7F)
        return ProcessResult(code: code, out: out, err: err)
    }
}

/// Small files of tests.
enum TestFile {
    static func write(_ text: String, to path: String) throws {
        guard let file = fopen(path, "we") else { throw TestFailure("cannot write \(path)") }
        defer { fclose(file) }
        fputs(text, file)
    }

    static func read(_ path: String) -> String {
        guard let file = fopen(path, "re") else { return "" }
        defer { fclose(file) }
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 65536)
        while true {
            let count = fread(&buffer, 1, buffer.count, file)
            guard count > 0 else { return String(decoding: bytes, as: UTF8.self) }
            bytes += buffer[..<count]
        }
    }

    /// The first program of a name on PATH.
    static func onPath(_ program: String) -> String? {
        let path = getenv("PATH").map { String(cString: $0) } ?? ""
        return path.split(separator: ":").map { "\($0)/\(program)" }.first { access($0, X_OK) == 0 }
    }
}
