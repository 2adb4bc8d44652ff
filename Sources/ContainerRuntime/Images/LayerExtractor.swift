import Failpoints
import Glibc
import Linux

/// Makes a layer's entries in a tree, whiteouts in overlayfs's form.
struct LayerExtractor {
    let reader: ArchiveReader
    private(set) var tree: LayerTree
    let limits: UnpackLimits
    /// How many bytes the files have together.
    private(set) var bytes: Int64 = 0
    /// Directories get their times last: making something in them changes these.
    private var directoryTimes: [(path: ArchivePath, modified: timespec)] = []

    init(reader: ArchiveReader, tree: LayerTree, limits: UnpackLimits) {
        self.reader = reader
        self.tree = tree
        self.limits = limits
    }

    mutating func run() throws(RuntimeError) {
        while let entry = try reader.next() {
            failpoint(.unpackEntry)
            let path = try ArchivePath(entry.name)
            switch try Whiteout(path) {
            case .none: try make(entry, at: path)
            case .ignored: continue
            case .opaqueParent: try tree.makeOpaque(path.parent)
            case .hidden(let name): try tree.whiteOut(path.sibling(name))
            }
        }
        try setDirectoryTimes()
    }

    private mutating func make(_ entry: ArchiveEntry, at path: ArchivePath) throws(RuntimeError) {
        guard let last = path.last else {
            if entry.type == S_IFDIR { try finishDirectory(entry, at: path) }
            return
        }
        let name = cString(last)
        if let target = entry.hardLinkTarget { return try link(path, name, to: target) }
        let parent = try tree.directory(path.parent)
        guard entry.type == S_IFDIR else {
            try tree.clear(path, name, in: parent)
            return try makeFile(entry, path, name, in: parent)
        }
        if let status = LayerTree.status(name, in: parent.raw), status.st_mode & S_IFMT != S_IFDIR,
            !LayerTree.isWhiteout(status)
        {
            try tree.clear(path, name, in: parent)
        }
        try tree.makeDirectory(path, name, in: parent, mode: 0o700)
        try finishDirectory(entry, at: path)
    }

    private mutating func makeFile(
        _ entry: ArchiveEntry, _ path: ArchivePath, _ name: [CChar], in parent: borrowing Descriptor
    ) throws(RuntimeError) {
        let raw = parent.raw
        switch entry.type {
        case S_IFREG: try makeRegular(entry, path, name, in: parent)
        case S_IFLNK:
            let target = cString(entry.symbolicLinkTarget ?? [])
            try call("symlinkat", path) { symlinkat(target, raw, name) }
            try EntryAttributes(entry, path).apply(to: name, in: raw)
        case S_IFIFO, S_IFCHR, S_IFBLK:
            // As Docker does: devices are made, and containers have everything mounted nodev.
            let (type, device) = (entry.type, entry.type == S_IFIFO ? 0 : entry.device)
            try call("mknodat", path) { mknodat(raw, name, type | 0o600, device) }
            try EntryAttributes(entry, path).apply(to: name, in: raw)
        default: throw RuntimeError(.badImage, "entry \(path.text): neither file, directory, link, device nor fifo")
        }
    }

    private mutating func makeRegular(
        _ entry: ArchiveEntry, _ path: ArchivePath, _ name: [CChar], in parent: borrowing Descriptor
    ) throws(RuntimeError) {
        bytes = try limits.adding(entry.size, to: bytes)
        let raw = parent.raw
        let file = Descriptor(
            owning: try call("openat", path) {
                openat(raw, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0o600)
            })
        try reader.writeContent(of: entry, to: file, name: path.text)
        let attributes = EntryAttributes(entry, path)
        try attributes.apply(to: file)
        try attributes.setTimes(of: file)
    }

    private mutating func finishDirectory(_ entry: ArchiveEntry, at path: ArchivePath) throws(RuntimeError) {
        guard let directory = try LayerTree.open(path, root: tree.root, flags: O_RDONLY) else {
            throw RuntimeError(.badImage, "entry \(path.text): the directory is not there")
        }
        try EntryAttributes(entry, path).apply(to: directory)
        directoryTimes.append((path, entry.modified))
    }

    /// Makes a hard link to a file of the same layer, which must be there already.
    private mutating func link(_ path: ArchivePath, _ name: [CChar], to target: [UInt8]) throws(RuntimeError) {
        let source = try ArchivePath(target)
        if source == path { return }
        guard case .none = try Whiteout(source), let last = source.last,
            let from = try LayerTree.open(source.parent, root: tree.root),
            let status = LayerTree.status(cString(last), in: from.raw), status.st_mode & S_IFMT != S_IFDIR
        else {
            throw RuntimeError(
                .badImage, "entry \(path.text): hard link to \(source.text), which is no file of the layer")
        }
        let parent = try tree.directory(path.parent)
        if let existing = LayerTree.status(name, in: parent.raw), existing.st_ino == status.st_ino { return }
        try tree.clear(path, name, in: parent)
        let (old, new, sourceName) = (from.raw, parent.raw, cString(last))
        try call("linkat", path) { linkat(old, sourceName, new, name, 0) }
    }

    private func setDirectoryTimes() throws(RuntimeError) {
        for (path, modified) in directoryTimes.reversed() {
            // A later entry may have replaced the directory.
            guard let directory = try LayerTree.open(path, root: tree.root, flags: O_RDONLY) else { continue }
            try setModified(modified, of: directory, path: path)
        }
    }
}

/// One system call on an entry. What the kernel cannot take (too long a name, an empty link) is the archive's fault.
@discardableResult
func call(_ name: String, _ path: ArchivePath, _ body: () -> Int32) throws(RuntimeError) -> Int32 {
    do throws(LinuxError) {
        return try systemCall(name, path: path.text, body)
    } catch {
        let isArchives = [ENAMETOOLONG, EINVAL, ENOENT, ENOTDIR, ELOOP, EMLINK].contains(error.errno)
        if isArchives { throw RuntimeError(.badImage, "entry \(error)") }
        throw RuntimeError(storing: error)
    }
}

/// What an entry's name means beyond a name (image-spec v1.1, layer.md, "Whiteouts").
enum Whiteout: Equatable {
    /// A plain name.
    case none
    /// AUFS's own bookkeeping, which Docker ignores too.
    case ignored
    /// The directory that it is in hides what lower layers have there.
    case opaqueParent
    /// This name of the lower layers is hidden.
    case hidden([UInt8])

    private static let prefix = Array(".wh.".utf8)
    private static let bookkeeping = Array(".wh..wh.".utf8)
    private static let opaque = Array(".wh..wh..opq".utf8)

    init(_ path: ArchivePath) throws(RuntimeError) {
        self = .none
        for component in path.components.dropLast() where component.starts(with: Self.prefix) {
            guard component.starts(with: Self.bookkeeping), component != Self.opaque else { throw Self.bad(path) }
            self = .ignored
        }
        guard self == .none, let last = path.last, last.starts(with: Self.prefix) else { return }
        if last == Self.opaque {
            self = .opaqueParent
        } else if last.starts(with: Self.bookkeeping) {
            self = .ignored
        } else {
            let hidden = Array(last.dropFirst(Self.prefix.count))
            guard !hidden.isEmpty, hidden != Array(".".utf8), hidden != Array("..".utf8) else { throw Self.bad(path) }
            self = .hidden(hidden)
        }
    }

    private static func bad(_ path: ArchivePath) -> RuntimeError {
        RuntimeError(.badImage, "entry \(path.text): a whiteout that hides nothing that can exist")
    }
}
