import Model
import Testing

@Suite struct OpenAPITests {
    private static func property(_ path: String...) -> JSONValue? {
        path.reduce(Optional(Schema.openAPI(for: .app))) { $0?["properties"]?[$1] }
    }

    @Test func `fields have descriptions, types, bounds and defaults`() {
        let replicas = Self.property("spec", "replicas")
        #expect(
            replicas == [
                "type": "integer", "format": "int64", "minimum": 0, "maximum": 10_000,
                "description": "How many pods run", "default": 1,
            ])
        #expect(
            Self.property("spec", "rollout", "strategy")?["enum"] == ["Rolling", "BlueGreen", "Canary", "Recreate"])
        #expect(Self.property("spec", "rollout", "maxSurge")?["x-kubernetes-int-or-string"] == true)
        #expect(Self.property("spec", "env")?["additionalProperties"]?["oneOf"]?.array?.count == 2)
        #expect(Self.property("spec", "stop", "drain")?["default"] == "10s")
        #expect(Self.property("status")?["x-kubernetes-preserve-unknown-fields"] == true)
    }

    @Test func `lists say by what they merge`() {
        let ports = Self.property("spec", "ports")
        #expect(ports?["x-kubernetes-list-type"] == "map")
        #expect(ports?["x-kubernetes-list-map-keys"] == ["name"])
        #expect(ports?["items"]?["required"] == ["name", "port"])
        #expect(Self.property("spec", "command")?["x-kubernetes-list-type"] == "atomic")
        #expect(Self.property("spec", "placement", "spread")?["x-kubernetes-list-type"] == "set")
    }

    @Test func `components are named after group, version and kind`() {
        #expect(Schema.openAPIName(for: .app) == "dev.martlet.v1.App")
        #expect(Schema.openAPIName(for: .pod) == "io.k8s.api.core.v1.Pod")
        #expect(
            Schema.openAPI(for: .app)["x-kubernetes-group-version-kind"] == [
                ["group": "martlet.dev", "version": "v1", "kind": "App"]
            ])
    }

    @Test(arguments: ResourceType.all)
    func `every property has a type or says why not, and a description`(type: ResourceType) {
        func check(_ schema: JSONValue, _ path: String) {
            let keys = ["type", "oneOf", "x-kubernetes-preserve-unknown-fields"]
            #expect(keys.contains { schema[$0] != nil }, "\(path)")
            for member in schema["properties"]?.object?.members ?? [] {
                #expect(member.value["description"]?.string?.isEmpty == false, "\(path).\(member.name)")
                check(member.value, "\(path).\(member.name)")
            }
            if let items = schema["items"] { check(items, path + "[]") }
        }
        check(Schema.openAPI(for: type), type.kind)
    }

    @Test(arguments: ResourceType.all)
    func `every default is valid for its field`(type: ResourceType) {
        func check(_ schema: Schema, _ path: String) {
            guard case .object(let fields, _, _) = schema else { return }
            #expect(Set(fields.map(\.name)).count == fields.count, "\(path)")
            for field in fields {
                #expect(!(field.required && field.default != nil), "\(path).\(field.name)")
                #expect(!field.description.hasSuffix("."), "\(path).\(field.name)")
                check(field.schema, "\(path).\(field.name)")
                if case .array(let items, _, _, _) = field.schema { check(items, "\(path).\(field.name)[]") }
            }
        }
        check(Schema.of(type), type.kind)
    }
}
