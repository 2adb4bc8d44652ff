import Model
import Synchronization
import Wire

/// The OpenAPI documents, made once.
final class OpenAPIService: Sendable {
    struct Document: Sendable {
        var bytes: [UInt8]
        var hash: String
    }

    private let documents = Mutex<[String: Document]>([:])

    /// The document of a group and version: `apis/martlet.dev/v1`.
    func document(at path: String) -> Document? {
        documents.withLock { documents in
            if let known = documents[path] { return known }
            guard let json = OpenAPIDocument.document(at: path, schema: { Schema.openAPI(for: $0) }) else { return nil }
            let bytes = json.serialized()
            let document = Document(bytes: bytes, hash: Self.hash(bytes))
            documents[path] = document
            return document
        }
    }

    /// The list of documents.
    var index: JSONValue { OpenAPIDocument.index { document(at: $0)?.hash ?? "" } }

    /// FNV-1a of 64 bits: tells one build's document from another's, no more.
    private static func hash(_ bytes: [UInt8]) -> String {
        var hash: UInt64 = 0xcbf2_9ce4_8422_2325
        for byte in bytes { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
        return String(hash, radix: 16, uppercase: true)
    }
}
