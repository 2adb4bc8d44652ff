import Glibc
import Linux

/// Turns an archive into files below a directory: the work that the helper process does.
struct Unpacking {
    let job: UnpackJob
    let archive: Int32
    let directory: Int32
    let limits: UnpackLimits

    func run() throws(RuntimeError) -> UnpackReport {
        let input = try ArchiveInput(descriptor: archive, limits: limits)
        let reader = try ArchiveReader(input: input, limits: limits)
        switch job {
        case .layer:
            var extractor = LayerExtractor(reader: reader, tree: LayerTree(root: directory), limits: limits)
            try extractor.run()
            return UnpackReport(
                diffID: try input.finish(), bytes: extractor.bytes, entries: reader.entries,
                opaqueDirectories: extractor.tree.opaque.map(\.text))
        case .files:
            var extractor = FilesExtractor(reader: reader, root: directory, limits: limits)
            try extractor.run()
            return UnpackReport(
                diffID: try input.finish(), bytes: extractor.bytes, entries: reader.entries, files: extractor.files)
        }
    }
}

/// Takes the regular files out of an image archive: numbers for names, so that no name of the archive means anything.
struct FilesExtractor {
    let reader: ArchiveReader
    let root: Int32
    let limits: UnpackLimits
    private(set) var bytes: Int64 = 0
    private(set) var files: [UnpackReport.File] = []

    init(reader: ArchiveReader, root: Int32, limits: UnpackLimits) {
        self.reader = reader
        self.root = root
        self.limits = limits
    }

    mutating func run() throws(RuntimeError) {
        while let entry = try reader.next() {
            let name = try ArchivePath(entry.name).text
            if let target = entry.hardLinkTarget ?? entry.symbolicLinkTarget {
                files.append(.init(name: name, number: nil, target: PathText.encode(target)))
            } else if entry.type == S_IFREG {
                let number = Int64(files.count)
                try write(entry, to: "\(number)")
                files.append(.init(name: name, number: number, target: nil))
            }
        }
    }

    private mutating func write(_ entry: ArchiveEntry, to name: String) throws(RuntimeError) {
        let file = try storing { () throws(LinuxError) in
            Descriptor(
                owning: try systemCall("openat", path: name) {
                    openat(root, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0o600)
                })
        }
        bytes = try limits.adding(entry.size, to: bytes)
        try reader.writeContent(of: entry, to: file, name: name)
    }
}

extension UnpackLimits {
    /// The sum, unless it is more than an archive may have.
    func adding(_ size: Int64, to bytes: Int64) throws(RuntimeError) -> Int64 {
        let (sum, overflow) = bytes.addingReportingOverflow(max(0, size))
        guard !overflow, sum <= maximumBytes else {
            throw RuntimeError(.badImage, "archive has more than \(maximumBytes) bytes of files")
        }
        return sum
    }
}

extension ArchiveReader {
    /// Writes the current entry's content to a new file, holes as holes.
    func writeContent(of entry: ArchiveEntry, to file: borrowing Descriptor, name: String) throws(RuntimeError) {
        let raw = file.raw
        var end: Int64 = 0
        try content { (piece, offset) throws(RuntimeError) in
            var written = 0
            while written < piece.count {
                let (from, at) = (UnsafeRawBufferPointer(rebasing: piece[written...]), offset + Int64(written))
                written += try storing { () throws(LinuxError) in
                    try systemCall("write", path: name) { pwrite(raw, from.baseAddress, from.count, off_t(at)) }
                }
            }
            end = max(end, offset + Int64(piece.count))
        }
        guard end <= entry.size else { throw RuntimeError(.badImage, "\(name): has more content than its size says") }
        if end < entry.size {
            try storing { () throws(LinuxError) in
                try systemCall("ftruncate", path: name) { ftruncate(raw, off_t(entry.size)) }
            }
        }
    }
}
