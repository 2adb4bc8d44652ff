import HTTP
import Model
import Wire

/// Request bodies in the protobuf encoding of the Kubernetes API, which kubectl 1.32 and newer send for the objects
/// that they have a type for: namespaces, config maps and secrets (`kubectl create namespace|configmap|secret`).
/// The numbers of the fields are those of `k8s.io/api/core/v1/generated.proto`.
enum ProtobufBody {
    static let mediaType = "application/vnd.kubernetes.protobuf"

    /// The body of a request, in either encoding.
    static func orJSON(_ request: HTTPRequest, type: ResourceType) throws(APIStatus) -> JSONValue {
        let isKnown = [.namespace, .configMap, .secret].contains(type)
        guard request.bodyType == mediaType, isKnown else {
            return try request.jsonBody(["application/json"])
        }
        do throws(Malformed) {
            return try document(request.body, type: type)
        } catch {
            throw .badRequest("the body is no protobuf document of the Kubernetes API: \(error.message)")
        }
    }

    struct Malformed: Error {
        var message: String
    }

    /// The four bytes `k8s` and zero, then a `runtime.Unknown` that holds the object.
    private static func document(_ bytes: [UInt8], type: ResourceType) throws(Malformed) -> JSONValue {
        guard bytes.starts(with: [0x6b, 0x38, 0x73, 0x00]) else {
            throw Malformed(message: "it does not begin with k8s")
        }
        let unknown = try fields(bytes[4...])
        guard let head = unknown.first(1), let raw = unknown.first(2) else {
            throw Malformed(message: "the type or the object is missing")
        }
        let identity = try fields(head)
        let object = try fields(raw)
        var document: JSONValue = [
            "apiVersion": .string(identity.text(1)), "kind": .string(identity.text(2)),
            "metadata": try metadata(object.first(1) ?? []),
        ]
        switch type {
        case .configMap:
            try setMap(object.all(2), as: "data", in: &document) { String(decoding: $0, as: UTF8.self) }
            try setMap(object.all(3), as: "binaryData", in: &document) { Base64.encode($0) }
        case .secret:
            try setMap(object.all(2), as: "data", in: &document) { Base64.encode($0) }
            if let kind = object.first(3), !kind.isEmpty { document["type"] = .string(object.text(3)) }
        default: break
        }
        return document
    }

    private static func metadata(_ bytes: ArraySlice<UInt8>) throws(Malformed) -> JSONValue {
        let meta = try fields(bytes)
        var document: JSONValue = [:]
        for (number, name) in [(1, "name"), (2, "generateName"), (3, "namespace"), (6, "resourceVersion")] {
            let text = meta.text(number)
            if !text.isEmpty { document[name] = .string(text) }
        }
        for (number, name) in [(11, "labels"), (12, "annotations")] {
            try setMap(meta.all(number), as: name, in: &document) { String(decoding: $0, as: UTF8.self) }
        }
        let finalizers = meta.all(14).map { JSONValue.string(String(decoding: $0, as: UTF8.self)) }
        if !finalizers.isEmpty { document["finalizers"] = .array(finalizers) }
        return document
    }

    private static func setMap(
        _ entries: [ArraySlice<UInt8>], as name: String, in document: inout JSONValue,
        _ text: (ArraySlice<UInt8>) -> String
    ) throws(Malformed) {
        guard !entries.isEmpty else { return }
        var object = JSONObject()
        for entry in entries {
            let pair = try fields(entry)
            object[pair.text(1)] = .string(text(pair.first(2) ?? []))
        }
        document[name] = .object(object)
    }

    /// The fields of a message that have a length; the others are skipped.
    private struct Fields {
        var values: [(number: Int, bytes: ArraySlice<UInt8>)] = []

        func first(_ number: Int) -> ArraySlice<UInt8>? { values.first { $0.number == number }?.bytes }
        func all(_ number: Int) -> [ArraySlice<UInt8>] { values.filter { $0.number == number }.map(\.bytes) }
        func text(_ number: Int) -> String { String(decoding: first(number) ?? [], as: UTF8.self) }
    }

    private static func fields(_ bytes: ArraySlice<UInt8>) throws(Malformed) -> Fields {
        var rest = bytes
        var fields = Fields()
        func skip(_ count: UInt64) throws(Malformed) -> ArraySlice<UInt8> {
            guard count <= UInt64(rest.count) else { throw Malformed(message: "it ends in the middle of a field") }
            defer { rest = rest.dropFirst(Int(count)) }
            return rest.prefix(Int(count))
        }
        while !rest.isEmpty {
            let tag = try varint(&rest)
            switch tag & 7 {
            case 0: _ = try varint(&rest)
            case 1: _ = try skip(8)
            case 2:
                let length = try varint(&rest)
                fields.values.append((Int(truncatingIfNeeded: tag >> 3), try skip(length)))
            case 5: _ = try skip(4)
            default: throw Malformed(message: "wire type \(tag & 7) is unknown")
            }
        }
        return fields
    }

    private static func varint(_ rest: inout ArraySlice<UInt8>) throws(Malformed) -> UInt64 {
        var value: UInt64 = 0
        for shift in stride(from: UInt64(0), to: 64, by: 7) {
            guard let byte = rest.popFirst() else { throw Malformed(message: "it ends in the middle of a number") }
            value |= UInt64(byte & 0x7F) << shift
            if byte & 0x80 == 0 { return value }
        }
        throw Malformed(message: "a number has more than 64 bits")
    }
}
