import Glibc
import Model

/// One text to read: a file or standard input, or the reason why there is none.
struct ManifestInput {
    private enum Source {
        case standardInput
        case file(String)
        case failure(ManifestError)
    }

    /// How messages name it.
    let name: String
    private let source: Source

    /// What a directory's files must end in to be read.
    private static let endings = [".yaml", ".yml", ".json"]
    /// How deeply directories are searched; deeper ones are a mistake, such as a root directory.
    private static let depthLimit = 16
    /// How many files of a directory are read.
    private static let fileLimit = 10_000

    /// The texts that a source names: itself, or the files of a directory in the order of their names.
    static func inputs(of source: String, recursive: Bool) -> [ManifestInput] {
        if source == "-" { return [ManifestInput(name: "standard input", source: .standardInput)] }
        if source.hasPrefix("http://") || source.hasPrefix("https://") {
            return [
                failure(
                    source, "URLs are not read; download it, or pipe it in: curl -fsSL \(source) | martlet apply -f -")
            ]
        }
        if source.isEmpty { return [failure("-f", "the path is empty")] }
        var status = stat()
        guard stat(source, &status) == 0 else { return [failure(source, errorText(errno))] }
        guard status.st_mode & S_IFMT == S_IFDIR else { return [ManifestInput(name: source, source: .file(source))] }
        var found: [ManifestInput] = []
        search(source, recursive ? depthLimit : 0, into: &found)
        if found.isEmpty { return [failure(source, "no *.yaml, *.yml or *.json file in this directory")] }
        if found.count > fileLimit { return [failure(source, "more than \(fileLimit) manifests in this directory")] }
        return found
    }

    private static func search(_ directory: String, _ depth: Int, into found: inout [ManifestInput]) {
        guard let stream = opendir(directory) else {
            found.append(failure(directory, errorText(errno)))
            return
        }
        var names: [String] = []
        while let entry = readdir(stream) {
            guard let offset = MemoryLayout<dirent>.offset(of: \.d_name) else { break }
            // The entry ends behind the name's NUL, so `d_name` must not be read as a whole (readdir(3)).
            let start = UnsafeRawPointer(entry) + offset
            let name = String(cString: start.assumingMemoryBound(to: CChar.self))
            if !name.hasPrefix(".") { names.append(name) }
        }
        closedir(stream)
        for name in names.sorted(by: { $0.utf8.lexicographicallyPrecedes($1.utf8) }) where found.count <= fileLimit {
            let path = directory.hasSuffix("/") ? directory + name : "\(directory)/\(name)"
            var status = stat()
            // Links to directories are not followed, so that no search goes round in circles.
            if lstat(path, &status) == 0, status.st_mode & S_IFMT == S_IFDIR {
                if depth > 0 { search(path, depth - 1, into: &found) }
            } else if endings.contains(where: name.hasSuffix) {
                found.append(ManifestInput(name: path, source: .file(path)))
            }
        }
    }

    private static func failure(_ name: String, _ message: String) -> ManifestInput {
        ManifestInput(name: name, source: .failure(ManifestError(file: name, message)))
    }

    private static func errorText(_ code: Int32) -> String {
        switch code {
        case ENOENT: "no such file or directory"
        case EACCES: "permission denied"
        default: String(cString: strerror(code)).lowercased()
        }
    }
}

extension ManifestInput {
    /// The text, at most a number of bytes.
    func read(limit: Int) -> Result<[UInt8], ManifestError> {
        switch source {
        case .failure(let error): .failure(error)
        case .standardInput: bytes(of: STDIN_FILENO, limit: limit)
        case .file(let path): readFile(path, limit: limit)
        }
    }

    private func readFile(_ path: String, limit: Int) -> Result<[UInt8], ManifestError> {
        // Without O_NONBLOCK, opening a named pipe waits for its writer (fifo(7)).
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY)
        guard descriptor >= 0 else { return .failure(ManifestError(file: name, Self.errorText(errno))) }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { return .failure(ManifestError(file: name, Self.errorText(errno))) }
        guard status.st_mode & S_IFMT == S_IFREG else {
            return .failure(ManifestError(file: name, "not a regular file; pipe its content in with -f -"))
        }
        if status.st_size > limit { return .failure(tooLarge(limit)) }
        return bytes(of: descriptor, limit: limit)
    }

    private func tooLarge(_ limit: Int) -> ManifestError {
        ManifestError(file: name, "larger than \(Quantity.bytes(Int64(limit))), the most that is read")
    }

    private func bytes(of descriptor: Int32, limit: Int) -> Result<[UInt8], ManifestError> {
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 64 << 10)
        while true {
            let count = Glibc.read(descriptor, &chunk, chunk.count)
            if count < 0 {
                if errno == EINTR { continue }
                return .failure(ManifestError(file: name, Self.errorText(errno)))
            }
            if count == 0 { return .success(bytes) }
            bytes += chunk.prefix(count)
            if bytes.count > limit { return .failure(tooLarge(limit)) }
        }
    }
}
