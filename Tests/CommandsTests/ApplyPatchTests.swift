import Model
import Testing

@testable import Commands

/// A live object that was applied from a manifest.
private func live(_ spec: JSONValue, appliedFrom last: JSONValue?) -> JSONValue {
    var object: JSONValue = ["apiVersion": "v1", "kind": "X", "metadata": ["name": "x"], "spec": spec]
    if let last { object[path: ["metadata", "annotations", Apply.annotation]] = .string(manifest(last).text() + "\n") }
    return object
}

private func manifest(_ spec: JSONValue) -> JSONValue {
    ["apiVersion": "v1", "kind": "X", "metadata": ["annotations": [:], "name": "x"], "spec": spec]
}

/// The manifest as it is sent: with itself in the annotation.
private func wanted(_ spec: JSONValue) -> JSONValue {
    var object = manifest(spec)
    object[path: ["metadata", "annotations", Apply.annotation]] = .string(manifest(spec).text() + "\n")
    return object
}

private let cases: [(String, live: JSONValue, last: JSONValue?, wanted: JSONValue, patch: JSONValue?)] = [
    ("nothing changes", ["a": 1], ["a": 1], ["a": 1], nil),
    ("what the server filled in stays", ["a": 1, "b": 2], ["a": 1], ["a": 1], nil),
    ("a changed field", ["a": 1], ["a": 1], ["a": 2], ["a": 2]),
    ("a drifted field", ["a": 9], ["a": 1], ["a": 1], ["a": 1]),
    ("a new field", ["a": 1], ["a": 1], ["a": 1, "b": 2], ["b": 2]),
    ("a field no longer wanted", ["a": 1, "b": 2], ["a": 1, "b": 2], ["a": 1], ["b": .null]),
    ("a field no longer wanted that is gone", ["a": 1], ["a": 1, "b": 2], ["a": 1], [:]),
    ("somebody else's field stays", ["a": 1, "b": 2], ["a": 1], ["a": 3], ["a": 3]),
    (
        "nested members", ["m": ["a": 1, "b": 2, "c": 3]], ["m": ["a": 1, "b": 2]], ["m": ["a": 4]],
        ["m": ["a": 4, "b": .null]]
    ),
    ("lists are replaced", ["l": [1, 2]], ["l": [1, 2]], ["l": [2]], ["l": [2]]),
    ("a list of objects is replaced", ["l": [["a": 1]]], ["l": [["a": 1]]], ["l": [["a": 2]]], ["l": [["a": 2]]]),
    ("never applied before", ["a": 1, "b": 2], nil, ["a": 1], [:]),
]

@Test(arguments: cases.indices)
func `apply merges what was applied, what is wanted, and what is there`(index: Int) {
    let (title, spec, last, want, expected) = cases[index]
    let patch = Apply.patch(live: live(spec, appliedFrom: last), wanted: wanted(want))
    guard let expected else {
        #expect(patch.isEmpty, "\(title): \(JSONValue.object(patch).text())")
        return
    }
    let shown = JSONValue.object(patch)["spec"] ?? [:]
    #expect(shown.canonical == expected.canonical, "\(title)")
    // The annotation is written only when it changes.
    let annotation =
        patch["metadata"]?["annotations"]?[Apply.annotation] ?? last.map { .string(manifest($0).text() + "\n") }
    #expect(annotation == wanted(want)["metadata"]?["annotations"]?[Apply.annotation], "\(title)")
    #expect(patch["kind"] == nil && patch["apiVersion"] == nil)
}

@Test func `the annotation is the one that kubectl reads, without itself inside`() throws {
    let client = FakeAPIClient()
    client.on("POST", "/apis/martlet.dev/v1/namespaces/default/apps", status: 201, ["kind": "App"])
    let path = try TemporaryFile("apiVersion: martlet.dev/v1\nkind: App\nmetadata: {name: web}\nspec: {image: a}\n")
    #expect(CommandRun("apply", "-f", path.path, client: client).code == 0)
    let body = try #require(client.writes.first?.body)
    let text = try #require(
        body["metadata"]?["annotations"]?["kubectl.kubernetes.io/last-applied-configuration"]?.string)
    #expect(text.hasSuffix("}\n"))
    let last = try JSONValue(parsing: text)
    #expect(last["metadata"]?["namespace"]?.string == "default")
    #expect(last["metadata"]?["annotations"] == [:])
    #expect(last["spec"] == ["image": "a"])
}
