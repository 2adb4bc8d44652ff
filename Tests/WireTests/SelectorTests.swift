import Model
import Testing
import Wire

@Suite struct SelectorTests {
    private let labels: JSONObject = ["app": "web", "tier": "front", "empty": ""]

    @Test(
        arguments: [
            ("", true), ("app=web", true), ("app==web", true), ("app = web", true), ("app=db", false),
            ("app!=db", true),
            ("app!=web", false), ("none!=x", true), ("app in (web, db)", true), ("app in (db)", false),
            ("app notin (db,x)", true), ("app notin (web)", false), ("none notin (x)", true), ("app", true),
            ("none", false), ("!none", true), ("!app", false), ("app=web,tier=front", true),
            ("app=web,tier=back", false),
            ("app in (web),!none,tier", true), ("empty=", true), ("app=", false), ("empty in (,x)", true),
        ] as [(String, Bool)])
    func `a label selector matches`(text: String, expected: Bool) throws {
        #expect(try LabelQuery(text).matches(labels) == expected)
    }

    @Test(arguments: ["=web", "app in web", "app in (web", "app web", ",", "app=web,", "a=(b)", "!"])
    func `a bad label selector is refused`(text: String) {
        #expect(throws: LabelQuery.ParseError.self) { try LabelQuery(text) }
    }

    @Test func `objects without labels match what forbids labels`() throws {
        #expect(try LabelQuery("!app").matches(nil))
        #expect(try !LabelQuery("app").matches(nil))
    }

    private let pod: JSONValue = [
        "metadata": ["name": "web-1", "namespace": "shop"], "spec": ["nodeName": "n1"], "status": ["phase": "Running"],
    ]

    @Test(
        arguments: [
            ("metadata.name=web-1", true), ("metadata.name==web-1", true), ("metadata.name=web-2", false),
            ("metadata.name!=web-2", true), ("spec.nodeName=n1,status.phase!=Succeeded,status.phase!=Failed", true),
            ("status.phase!=Running", false), ("status.podIP=", true), ("metadata.namespace=shop", true), ("", true),
        ] as [(String, Bool)])
    func `a field selector matches`(text: String, expected: Bool) throws {
        #expect(try FieldQuery(text, type: .pod).matches(pod) == expected)
    }

    @Test(arguments: [
        ("spec.image=x", ResourceType.app), ("status.phase=Running", .configMap), ("metadata.name", .pod),
        ("metadata.name=a\\b", .pod),
    ])
    func `a field that one cannot select by is refused`(text: String, type: ResourceType) {
        #expect(throws: FieldQuery.ParseError.self) { try FieldQuery(text, type: type) }
    }

    @Test func `events are found by what they are about`() throws {
        let event: JSONValue = [
            "involvedObject": ["kind": "App", "name": "web", "uid": "1"], "type": "Warning",
            "source": ["component": "agent"],
        ]
        let text = "involvedObject.name=web,involvedObject.uid=1,type!=Normal,source=agent"
        #expect(try FieldQuery(text, type: .event).matches(event))
        #expect(try FieldQuery(text, type: .event).required("involvedObject.name") == "web")
        #expect(try FieldQuery(text, type: .event).required("type") == nil)
    }
}
