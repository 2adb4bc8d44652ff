import Glibc

/// One file of the repository.
struct SourceFile: Sendable {
    /// The path below the repository's root.
    var path: String
    /// The lines, without line breaks.
    var lines: [String]
}

/// The files of the repository, read from disk.
enum SourceTree {
    /// The repository's root, found from this file's place in it.
    static let root = String(#filePath.split(separator: "/").dropLast(3).reduce(into: "") { $0 += "/" + $1 })

    /// Every file below a folder whose name ends so.
    static func files(below folder: String, suffix: String) -> [SourceFile] {
        entries(of: "\(root)/\(folder)").flatMap { name -> [SourceFile] in
            let path = "\(folder)/\(name)"
            if isDirectory("\(root)/\(path)") { return files(below: path, suffix: suffix) }
            guard name.hasSuffix(suffix) else { return [] }
            return [
                SourceFile(
                    path: path,
                    lines: text(path).split(separator: "\n", omittingEmptySubsequences: false).map(String.init))
            ]
        }
    }

    /// The names in a folder, hidden ones left out.
    static func entries(of folder: String) -> [String] {
        guard let directory = opendir(folder) else { return [] }
        defer { closedir(directory) }
        var names: [String] = []
        while let entry = readdir(directory) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) { pointer in
                pointer.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if !name.hasPrefix(".") { names.append(name) }
        }
        return names.sorted()
    }

    static func isDirectory(_ path: String) -> Bool {
        var status = stat()
        return stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR
    }

    /// The text of a file.
    static func text(_ path: String) -> String {
        guard let file = fopen("\(root)/\(path)", "re") else { return "" }
        defer { fclose(file) }
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 64 << 10)
        while true {
            let count = fread(&buffer, 1, buffer.count, file)
            if count == 0 { break }
            bytes += buffer.prefix(count)
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}
