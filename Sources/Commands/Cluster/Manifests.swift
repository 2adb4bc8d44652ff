import Manifest
import Model

extension ManifestDocument {
    /// Where the document stands, as an error names it.
    var place: String { "\(origin)" }
}

extension [ManifestDocument] {
    /// Namespaces first, then settings, then what uses them; otherwise as written.
    var inOrderOfCreation: [ManifestDocument] {
        let order: [ResourceType] = [.namespace, .configMap, .secret]
        func rank(_ document: ManifestDocument) -> Int { order.firstIndex(of: document.type) ?? order.count }
        return enumerated().sorted { (rank($0.element), $0.offset) < (rank($1.element), $1.offset) }.map(\.element)
    }
}

extension Invocation {
    /// Reads the manifests that `-f` names.
    ///
    /// - Throws: `CommandFailure` with every error of every manifest.
    func manifests() throws -> [ManifestDocument] {
        let files = values("filename")
        guard !files.isEmpty else {
            throw UsageError(
                message: "say which manifest: -f FILE, -f DIRECTORY, or -f - for standard input", path: command.path)
        }
        guard arguments.isEmpty else {
            throw UsageError(
                message: "unexpected argument \"\(arguments[0])\"; manifests are named by -f", path: command.path)
        }
        let documents: [ManifestDocument]
        do {
            documents = try ManifestReader().read(files, recursive: flag("recursive"))
        } catch {
            for error in error.errors { context.note(error.description) }
            let count = error.errors.count
            throw CommandFailure(
                message: "\(count) error\(count == 1 ? "" : "s") in the manifests; nothing was changed")
        }
        guard !documents.isEmpty else {
            throw CommandFailure(message: "there is no object in \(files.joined(separator: ", "))")
        }
        return documents
    }
}
