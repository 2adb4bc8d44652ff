import Model
import YAML

/// An object that a manifest declares.
public struct ManifestDocument: Hashable, Sendable {
    /// The place of an object in the manifests.
    public struct Origin: Hashable, Sendable, CustomStringConvertible {
        /// The file as it was named; `standard input` for `-`.
        public var file: String
        /// The line it starts in, counted from 1.
        public var line: Int

        /// Makes an origin.
        public init(file: String, line: Int) {
            self.file = file
            self.line = line
        }

        /// `FILE:LINE`.
        public var description: String { "\(file):\(line)" }
    }

    /// Where it is declared.
    public var origin: Origin
    /// The object as its user wrote it, without defaults.
    public var document: JSONValue
    /// Its type.
    public var type: ResourceType

    /// Makes a document.
    public init(origin: Origin, document: JSONValue, type: ResourceType) {
        self.origin = origin
        self.document = document
        self.type = type
    }

    /// The object's name; empty where the server makes one.
    public var name: String { document["metadata"]?["name"]?.string ?? "" }
    /// The object's namespace; nil where the manifest names none.
    public var namespace: String? { document["metadata"]?["namespace"]?.string }
}

/// Reads manifests: files, directories and standard input, in YAML or JSON, to documents that are known to be valid.
public struct ManifestReader: Sendable {
    /// How much a manifest may ask for.
    public var limits: YAMLLimits

    /// Makes a reader.
    public init(limits: YAMLLimits = YAMLLimits()) { self.limits = limits }

    /// Reads sources in their order.
    ///
    /// - Parameters:
    ///   - sources: paths of files and directories, or `-` for standard input.
    ///   - recursive: whether directories below directories are read too.
    /// - Throws: everything that is wrong in all of the sources.
    public func read(_ sources: [String], recursive: Bool = false) throws(ManifestErrors) -> [ManifestDocument] {
        var documents: [ManifestDocument] = []
        var errors: [ManifestError] = []
        for source in sources {
            for input in ManifestInput.inputs(of: source, recursive: recursive) {
                switch input.read(limit: limits.bytes) {
                case .failure(let error): errors.append(error)
                case .success(let bytes):
                    let result = parse(bytes, file: input.name)
                    documents += result.documents
                    errors += result.errors
                }
            }
        }
        errors += Self.duplicates(in: documents)
        if !errors.isEmpty { throw ManifestErrors(errors: errors) }
        return documents
    }

    /// Reads a text.
    ///
    /// - Parameter file: how messages name it; a name that ends in `.json` is read as JSON.
    /// - Throws: everything that is wrong in the text.
    public func read(_ bytes: [UInt8], file: String) throws(ManifestErrors) -> [ManifestDocument] {
        let result = parse(bytes, file: file)
        let errors = result.errors + Self.duplicates(in: result.documents)
        if !errors.isEmpty { throw ManifestErrors(errors: errors) }
        return result.documents
    }

    private func parse(_ bytes: [UInt8], file: String) -> (documents: [ManifestDocument], errors: [ManifestError]) {
        let stream = ManifestText.read(bytes, isJSON: file.hasSuffix(".json"), limits: limits)
        var errors = stream.errors.map { ManifestError(file: file, $0.message, at: $0.mark) }
        var documents: [ManifestDocument] = []
        // After an error in the text, what a document says is not certain enough to be judged.
        guard errors.isEmpty else { return ([], errors) }
        for text in stream.documents {
            let result = ManifestObjects(file: file, text: text).read()
            documents += result.documents
            errors += result.errors
        }
        if documents.isEmpty, errors.isEmpty { errors.append(ManifestError(file: file, "declares no object")) }
        return (documents, errors)
    }

    /// Objects that are declared twice.
    private static func duplicates(in documents: [ManifestDocument]) -> [ManifestError] {
        var firsts: [ObjectKey: ManifestDocument.Origin] = [:]
        var errors: [ManifestError] = []
        for document in documents where !document.name.isEmpty {
            let key = ObjectKey(document.type, namespace: document.namespace ?? "", name: document.name)
            if let first = firsts[key] {
                let message = "\(document.type.kind) \"\(document.name)\" is already declared at \(first)"
                let mark = YAMLMark(line: document.origin.line, column: 1)
                errors.append(ManifestError(file: document.origin.file, message, at: mark))
            } else {
                firsts[key] = document.origin
            }
        }
        return errors
    }
}
