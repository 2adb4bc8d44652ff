import Glibc
import Linux
import PKI

/// Where an image is imported from: files by name, each of them a stranger's.
protocol ImageSource {
    /// The path, for messages.
    var name: String { get }
    /// Opens a regular file; nil when there is none.
    func open(_ file: String) throws(RuntimeError) -> Descriptor?
    /// The path of a file that may be moved away instead of copied; nil when it must stay.
    func movablePath(_ file: String) -> String?
}

extension ImageSource {
    /// Where an OCI layout has a blob (image-spec v1.1, image-layout.md, "Blobs").
    func blobName(_ digest: Digest) -> String { "blobs/sha256/\(digest.hex)" }

    /// Reads a document that has no digest; nil when there is none.
    func document(_ file: String) throws(RuntimeError) -> [UInt8]? {
        guard let descriptor = try open(file) else { return nil }
        return try read(descriptor, "\(name)/\(file)")
    }

    /// Reads a document and checks it before anybody parses it.
    func document(_ blob: BlobDescriptor) throws(RuntimeError) -> [UInt8] {
        let path = "\(name)/\(blobName(blob.digest))"
        guard blob.size <= ImageDocument.maximumBytes else {
            throw RuntimeError(.badImage, "\(path): \(blob.size) bytes, at most \(ImageDocument.maximumBytes) are read")
        }
        guard let descriptor = try open(blobName(blob.digest)) else {
            throw RuntimeError(.badImage, "\(path): is missing")
        }
        let bytes = try read(descriptor, path)
        guard bytes.count == blob.size, Digest(of: bytes) == blob.digest else {
            throw RuntimeError(.badImage, "\(path): its content is not what its name and its descriptor say")
        }
        return bytes
    }

    private func read(_ descriptor: borrowing Descriptor, _ path: String) throws(RuntimeError) -> [UInt8] {
        do throws(LinuxError) {
            return try readAll(descriptor.raw, path: path, limit: ImageDocument.maximumBytes)
        } catch {
            guard error.errno == EFBIG else { throw RuntimeError(storing: error) }
            throw RuntimeError(.badImage, "\(path): is larger than \(ImageDocument.maximumBytes) bytes")
        }
    }

    /// Brings a blob into a store unless it is there.
    func bring(_ blob: BlobDescriptor, named file: String, into store: BlobStore) throws(RuntimeError) {
        if store.has(blob) { return }
        if let path = movablePath(file) {
            try store.add(moving: path, as: blob, from: "\(name)/\(file)")
        } else {
            guard let source = try open(file) else { throw RuntimeError(.badImage, "\(name)/\(file): is missing") }
            try store.add(copying: source, as: blob, from: "\(name)/\(file)")
        }
    }
}

/// An OCI layout in a directory of this machine's user.
struct DirectorySource: ImageSource {
    let name: String

    func open(_ file: String) throws(RuntimeError) -> Descriptor? { try openRegular("\(name)/\(file)") }
    func movablePath(_ file: String) -> String? { nil }
}

/// Opens a regular file; nil when there is none. Not a fifo, which would block, nor a device.
func openRegular(_ path: String) throws(RuntimeError) -> Descriptor? {
    do throws(LinuxError) {
        let file = try Descriptor(opening: path, flags: O_RDONLY | O_NONBLOCK | O_NOCTTY)
        var status = stat()
        try systemCall("fstat", path: path) { fstat(file.raw, &status) }
        guard status.st_mode & S_IFMT == S_IFREG else { throw LinuxError("open", path: path, errno: EINVAL) }
        return file
    } catch {
        if error.errno == ENOENT || error.errno == ENOTDIR { return nil }
        if error.errno == EINVAL { throw RuntimeError(.badImage, "\(path): is not a regular file") }
        throw RuntimeError(storing: error)
    }
}

/// An archive whose files were unpacked, numbered, into a directory that may be emptied.
struct ArchiveSource: ImageSource {
    let name: String
    private let directory: String
    private let numbers: [String: Int64]

    init(name: String, directory: String, files: [UnpackReport.File]) {
        self.name = name
        self.directory = directory
        numbers = Self.resolve(files)
    }

    func open(_ file: String) throws(RuntimeError) -> Descriptor? {
        guard let path = movablePath(file) else { return nil }
        return try openRegular(path)
    }

    func movablePath(_ file: String) -> String? { numbers[file].map { "\(directory)/\($0)" } }

    /// The numbers by name. Old versions of `docker save` store a layer that occurs twice as a symbolic link.
    private static func resolve(_ files: [UnpackReport.File]) -> [String: Int64] {
        var numbers: [String: Int64] = [:]
        for file in files { if let number = file.number { numbers[file.name] = number } }
        for file in files where file.number == nil {
            guard let target = file.target else { continue }
            let path = ([file.name.split(separator: "/").dropLast().joined(separator: "/"), target] as [String])
            let found = numbers[target] ?? numbers[normalized(path.joined(separator: "/"))]
            if let found, numbers[file.name] == nil { numbers[file.name] = found }
        }
        return numbers
    }

    private static func normalized(_ path: String) -> String {
        var result: [Substring] = []
        for component in path.split(separator: "/") where component != "." {
            if component == ".." { _ = result.popLast() } else { result.append(component) }
        }
        return result.joined(separator: "/")
    }
}
