import Model
import Testing

@testable import Agent

private let settings: PodSettings = {
    var settings = PodSettings()
    settings.secrets = ["db": ["password": Array("hunter2".utf8), "key": [0xFF, 0xFE], "nul": [0x61, 0x00]]]
    settings.configMaps = ["site": ["title": Array("Läden".utf8), "empty": []]]
    return settings
}()

private func variables(
    address: String? = "10.0.0.2", _ env: [EnvVar]
) throws(PodEnvironment.Failure) -> [String] {
    let pod = Pod.sample {
        $0.metadata.labels = ["tier": "front", "it's": "odd"]
        $0.metadata.annotations = ["note/a": "b"]
    }
    let environment = PodEnvironment(pod: pod, address: address, hostAddress: "192.0.2.1", settings: settings)
    return try environment.variables(of: Container { $0.env = env }).map { "\($0.name)=\($0.value)" }
}

private func secret(_ name: String, _ key: String, optional: Bool? = nil) -> EnvVarSource {
    EnvVarSource {
        $0.secretKeyRef = KeySelector { ($0.name, $0.key, $0.optional) = (name, key, optional) }
    }
}

private func configMap(_ name: String, _ key: String, optional: Bool? = nil) -> EnvVarSource {
    EnvVarSource {
        $0.configMapKeyRef = KeySelector { ($0.name, $0.key, $0.optional) = (name, key, optional) }
    }
}

private func field(_ path: String) -> EnvVarSource {
    EnvVarSource { $0.fieldRef = FieldSelector { $0.fieldPath = path } }
}

private func variable(_ name: String, _ source: EnvVarSource) -> EnvVar {
    EnvVar { ($0.name, $0.valueFrom) = (name, source) }
}

@Test func `variables are set in the order of the spec`() throws {
    let found = try variables([
        EnvVar { ($0.name, $0.value) = ("B", "1") }, variable("P", secret("db", "password")),
        variable("T", configMap("site", "title")), variable("E", configMap("site", "empty")),
        EnvVar { ($0.name, $0.value) = ("A", "") }, EnvVar { $0.name = "N" },
    ])
    #expect(found == ["B=1", "P=hunter2", "T=Läden", "E=", "A=", "N="])
}

@Test(arguments: [
    secret("db", "user", optional: true), secret("none", "user", optional: true),
    configMap("none", "title", optional: true),
])
func `an optional key that is missing sets nothing`(source: EnvVarSource) throws {
    #expect(try variables([variable("X", source)]) == [])
}

private let failures: [(EnvVarSource, String)] = [
    (secret("db", "user"), "env X: Secret db has no key user"),
    (secret("none", "user", optional: false), "env X: Secret none has no key user"),
    (configMap("site", "logo"), "env X: ConfigMap site has no key logo"),
    (secret("db", "key"), "env X: key key of Secret db is not text; mount it as a file"),
    (secret("db", "nul", optional: true), "env X: key nul of Secret db is not text; mount it as a file"),
    (field("spec.host"), "env X: the pod has no field spec.host"),
    (field("metadata.labels"), "env X: the pod has no field metadata.labels"),
    (field("metadata.labels[tier]"), "env X: the pod has no field metadata.labels[tier]"),
]

@Test(arguments: failures)
func `a variable that cannot be set says why`(source: EnvVarSource, message: String) {
    #expect(throws: PodEnvironment.Failure(message: message)) { try variables([variable("X", source)]) }
}

private let fields: [(String, String)] = [
    ("metadata.name", "web-1"), ("metadata.namespace", "shop"), ("metadata.uid", "u1"), ("spec.nodeName", "one"),
    ("status.podIP", "10.0.0.2"), ("status.hostIP", "192.0.2.1"), ("metadata.labels['tier']", "front"),
    ("metadata.labels['it's']", "odd"), ("metadata.labels['none']", ""), ("metadata.labels[']", ""),
    ("metadata.annotations['note/a']", "b"),
]

@Test(arguments: fields) func `a field of the pod becomes a value`(path: String, value: String) throws {
    #expect(try variables([variable("X", field(path))]) == ["X=\(value)"])
}

@Test func `the address is no field before the pod has one`() {
    #expect(throws: PodEnvironment.Failure.self) {
        try variables(address: nil, [variable("X", field("status.podIP"))])
    }
}
