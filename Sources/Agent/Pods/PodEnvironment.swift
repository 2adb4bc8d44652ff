import Model

/// The environment variables of a container as they are set: references looked up, in the order of the spec.
struct PodEnvironment {
    /// The pod.
    let pod: Pod
    /// The pod's address.
    let address: String?
    /// The address of the node.
    let hostAddress: String
    /// What the pod reads.
    let settings: PodSettings

    /// A variable that cannot be set.
    struct Failure: Error, Equatable {
        /// What is missing.
        var message: String
    }

    /// The variables of a container.
    ///
    /// - Throws: when a key is missing that is not optional, or a value is no text.
    func variables(of container: Container) throws(Failure) -> [(name: String, value: String)] {
        var result: [(name: String, value: String)] = []
        for variable in container.env {
            guard let source = variable.valueFrom else {
                // A variable without any value is set, and empty.
                result.append((variable.name, variable.value ?? ""))
                continue
            }
            if let value = try value(of: source, for: variable.name) { result.append((variable.name, value)) }
        }
        return result
    }

    private func value(of source: EnvVarSource, for name: String) throws(Failure) -> String? {
        if let key = source.secretKeyRef { return try text(key, in: settings.secrets, kind: "Secret", for: name) }
        if let key = source.configMapKeyRef {
            return try text(key, in: settings.configMaps, kind: "ConfigMap", for: name)
        }
        guard let field = source.fieldRef else { return nil }
        guard let value = self.field(field.fieldPath) else {
            throw Failure(message: "env \(name): the pod has no field \(field.fieldPath)")
        }
        return value
    }

    private func text(
        _ key: KeySelector, in objects: [String: [String: [UInt8]]], kind: String, for name: String
    ) throws(Failure) -> String? {
        guard let bytes = objects[key.name]?[key.key] else {
            if key.optional == true { return nil }
            throw Failure(message: "env \(name): \(kind) \(key.name) has no key \(key.key)")
        }
        guard let text = String(validating: bytes, as: UTF8.self), !text.contains("\0") else {
            throw Failure(message: "env \(name): key \(key.key) of \(kind) \(key.name) is not text; mount it as a file")
        }
        return text
    }

    /// The value of a field that a pod may refer to; nil for one that it has not.
    func field(_ path: String) -> String? {
        switch path {
        case "metadata.name": return pod.name
        case "metadata.namespace": return pod.namespace
        case "metadata.uid": return pod.uid
        case "spec.nodeName": return pod.spec.nodeName
        case "status.podIP": return address
        case "status.hostIP": return hostAddress
        default: break
        }
        for (prefix, values) in [
            ("metadata.labels", pod.metadata.labels), ("metadata.annotations", pod.metadata.annotations),
        ]
        where path.hasPrefix(prefix + "['") && path.hasSuffix("']") {
            return values[String(path.dropFirst(prefix.count + 2).dropLast(2))] ?? ""
        }
        return nil
    }
}
