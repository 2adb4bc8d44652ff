import Model
import Testing

@testable import Controllers

@Suite struct `claims of objects` {
    private func pod(_ name: String, address: String, phase: String = "Running") -> (ObjectKey, JSONValue) {
        (
            ObjectKey(.pod, namespace: "shop", name: name),
            ["status": ["podIP": .string(address), "phase": .string(phase)]]
        )
    }

    private func kinds(_ objects: [(ObjectKey, JSONValue)], _ kind: IntegrityFault.Kind) -> [String] {
        Integrity.allFaults(in: objects.map { (key: $0.0, document: $0.1) }).filter { $0.kind == kind }.map(\.message)
    }

    @Test func `an address belongs to one pod that lives`() {
        let shared = [pod("a", address: "10.1.0.2"), pod("b", address: "10.1.0.2")]
        #expect(kinds(shared, .address) == ["\(shared[0].0) has the same address 10.1.0.2"])
        #expect(kinds([pod("a", address: "10.1.0.2"), pod("b", address: "10.1.0.3")], .address).isEmpty)
        let ended = [pod("a", address: "10.1.0.2", phase: "Failed"), pod("b", address: "10.1.0.2")]
        #expect(kinds(ended, .address).isEmpty)
        #expect(kinds([pod("a", address: ""), pod("b", address: "")], .address).isEmpty)
    }

    @Test(arguments: [
        (ResourceType.app, "martlet.dev/cleanup", false), (ResourceType.app, "example.com/hook", true),
        (ResourceType.namespace, "martlet.dev/namespace", false), (ResourceType.configMap, "martlet.dev/cleanup", true),
    ])
    func `a deletion waits only for finalizers that somebody clears`(
        _ type: ResourceType, _ finalizer: String, _ isStrange: Bool
    ) {
        let key = ObjectKey(type, namespace: type.isNamespaced ? "shop" : "", name: "x")
        let held: JSONValue = [
            "metadata": ["deletionTimestamp": "2026-01-02T03:04:05Z", "finalizers": [.string(finalizer)]]
        ]
        #expect(kinds([(key, held)], .finalizer).isEmpty == !isStrange)
        #expect(kinds([(key, ["metadata": ["finalizers": [.string(finalizer)]]])], .finalizer).isEmpty)
    }
}
