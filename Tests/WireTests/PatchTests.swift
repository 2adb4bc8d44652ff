import Model
import Testing
import Wire

/// The examples of RFC 7386 appendix A, and of RFC 6902 appendix A.
@Suite struct PatchTests {
    @Test(
        arguments: [
            (#"{"a":"b"}"#, #"{"a":"c"}"#, #"{"a":"c"}"#),
            (#"{"a":"b"}"#, #"{"b":"c"}"#, #"{"a":"b","b":"c"}"#),
            (#"{"a":"b"}"#, #"{"a":null}"#, "{}"),
            (#"{"a":"b","b":"c"}"#, #"{"a":null}"#, #"{"b":"c"}"#),
            (#"{"a":["b"]}"#, #"{"a":"c"}"#, #"{"a":"c"}"#),
            (#"{"a":"c"}"#, #"{"a":["b"]}"#, #"{"a":["b"]}"#),
            (#"{"a":{"b":"c"}}"#, #"{"a":{"b":"d","c":null}}"#, #"{"a":{"b":"d"}}"#),
            (#"{"a":[{"b":"c"}]}"#, #"{"a":[1]}"#, #"{"a":[1]}"#),
            (#"["a","b"]"#, #"["c","d"]"#, #"["c","d"]"#),
            (#"{"a":"b"}"#, #"["c"]"#, #"["c"]"#),
            (#"{"a":"foo"}"#, "null", "null"),
            (#"{"a":"foo"}"#, #""bar""#, #""bar""#),
            (#"{"e":null}"#, #"{"a":1}"#, #"{"e":null,"a":1}"#),
            ("[1,2]", #"{"a":"b","c":null}"#, #"{"a":"b"}"#),
            ("{}", #"{"a":{"bb":{"ccc":null}}}"#, #"{"a":{"bb":{}}}"#),
        ] as [(String, String, String)])
    func `a merge patch does what RFC 7386 says`(target: String, patch: String, result: String) throws {
        let patched = MergePatch.apply(try JSONValue(parsing: patch), to: try JSONValue(parsing: target))
        #expect(patched == (try JSONValue(parsing: result)))
    }

    @Test(
        arguments: [
            (#"{"foo":"bar"}"#, #"[{"op":"add","path":"/baz","value":"qux"}]"#, #"{"baz":"qux","foo":"bar"}"#),
            (
                #"{"foo":["bar","baz"]}"#, #"[{"op":"add","path":"/foo/1","value":"qux"}]"#,
                #"{"foo":["bar","qux","baz"]}"#
            ),
            (#"{"baz":"qux","foo":"bar"}"#, #"[{"op":"remove","path":"/baz"}]"#, #"{"foo":"bar"}"#),
            (#"{"foo":["bar","qux","baz"]}"#, #"[{"op":"remove","path":"/foo/1"}]"#, #"{"foo":["bar","baz"]}"#),
            (
                #"{"baz":"qux","foo":"bar"}"#, #"[{"op":"replace","path":"/baz","value":"boo"}]"#,
                #"{"baz":"boo","foo":"bar"}"#
            ),
            (
                #"{"foo":{"bar":"baz","waldo":"fred"},"qux":{"corge":"grault"}}"#,
                #"[{"op":"move","from":"/foo/waldo","path":"/qux/thud"}]"#,
                #"{"foo":{"bar":"baz"},"qux":{"corge":"grault","thud":"fred"}}"#
            ),
            (
                #"{"foo":["all","grass","cows","eat"]}"#, #"[{"op":"move","from":"/foo/1","path":"/foo/3"}]"#,
                #"{"foo":["all","cows","eat","grass"]}"#
            ),
            (
                #"{"baz":"qux","foo":["a",2,"c"]}"#,
                #"[{"op":"test","path":"/baz","value":"qux"},{"op":"test","path":"/foo/1","value":2}]"#,
                #"{"baz":"qux","foo":["a",2,"c"]}"#
            ),
            (
                #"{"foo":"bar"}"#, #"[{"op":"add","path":"/child","value":{"grandchild":{}}}]"#,
                #"{"foo":"bar","child":{"grandchild":{}}}"#
            ),
            (
                #"{"foo":"bar"}"#, #"[{"op":"add","path":"/baz","value":"qux","xyz":123}]"#,
                #"{"foo":"bar","baz":"qux"}"#
            ),
            (#"{"/":9,"~1":10}"#, #"[{"op":"test","path":"/~01","value":10}]"#, #"{"/":9,"~1":10}"#),
            (
                #"{"foo":["bar"]}"#, #"[{"op":"add","path":"/foo/-","value":["abc","def"]}]"#,
                #"{"foo":["bar",["abc","def"]]}"#
            ),
            (#"{"a":{"b":1}}"#, #"[{"op":"copy","from":"/a","path":"/c"}]"#, #"{"a":{"b":1},"c":{"b":1}}"#),
            (#"{"a":1}"#, #"[{"op":"replace","path":"","value":[]}]"#, "[]"),
        ] as [(String, String, String)])
    func `a JSON patch does what RFC 6902 says`(document: String, patch: String, result: String) throws {
        let patched = try JSONPatch(try JSONValue(parsing: patch)).apply(to: try JSONValue(parsing: document))
        #expect(patched == (try JSONValue(parsing: result)))
    }

    @Test(
        arguments: [
            (#"{"baz":"qux"}"#, #"[{"op":"test","path":"/baz","value":"bar"}]"#, false),
            (#"{"foo":"bar"}"#, #"[{"op":"add","path":"/baz/bat","value":"qux"}]"#, false),
            (#"{"/":9,"~1":10}"#, #"[{"op":"test","path":"/~01","value":"10"}]"#, false),
            (#"{"a":[1]}"#, #"[{"op":"replace","path":"/a/1","value":2}]"#, false),
            (#"{"a":[1]}"#, #"[{"op":"remove","path":"/a/00"}]"#, false),
            (#"{"a":[1]}"#, #"[{"op":"remove","path":"/a/-"}]"#, false),
            (#"{"a":1}"#, #"[{"op":"remove","path":"/b"}]"#, false),
            (#"{"a":{"b":1}}"#, #"[{"op":"move","from":"/a","path":"/a/b"}]"#, true),
            (#"{"a":1}"#, #"[{"op":"add","path":"a","value":1}]"#, true),
            (#"{"a":1}"#, #"[{"op":"add","path":"/b"}]"#, true),
            (#"{"a":1}"#, #"[{"op":"grow","path":"/a"}]"#, true),
            (#"{"a":1}"#, #"{"op":"remove","path":"/a"}"#, true),
        ] as [(String, String, Bool)])
    func `a JSON patch that does not fit is refused`(document: String, patch: String, isMalformed: Bool) throws {
        let error = #expect(throws: PatchError.self) {
            _ = try JSONPatch(try JSONValue(parsing: patch)).apply(to: try JSONValue(parsing: document))
        }
        #expect(error?.isMalformed == isMalformed)
    }

    @Test(
        arguments: [
            // Elements of lists are found by their key.
            (
                #"{"spec":{"containers":[{"name":"a","image":"1"},{"name":"b","image":"2"}]}}"#,
                #"{"spec":{"containers":[{"name":"b","image":"3"},{"name":"c","image":"4"}]}}"#,
                #"{"spec":{"containers":[{"name":"a","image":"1"},{"name":"b","image":"3"},{"name":"c","image":"4"}]}}"#
            ),
            // One patch that kubectl apply sends: a deletion, an order and kept keys.
            (
                #"{"spec":{"containers":[{"name":"a","env":[{"name":"X","value":"1"},{"name":"Y","value":"2"}]}]}}"#,
                #"{"spec":{"$setElementOrder/containers":[{"name":"a"}],"containers":[{"name":"a","$setElementOrder/env":[{"name":"Z"},{"name":"X"}],"env":[{"name":"Z","value":"3"},{"name":"Y","$patch":"delete"}]}]}}"#,
                #"{"spec":{"containers":[{"name":"a","env":[{"name":"Z","value":"3"},{"name":"X","value":"1"}]}]}}"#
            ),
            (
                #"{"spec":{"volumes":[{"name":"v","emptyDir":{}}]}}"#,
                #"{"spec":{"volumes":[{"name":"v","$retainKeys":["name","hostPath"],"hostPath":{"path":"/x"}}]}}"#,
                #"{"spec":{"volumes":[{"name":"v","hostPath":{"path":"/x"}}]}}"#
            ),
            (
                #"{"spec":{"containers":[{"name":"a"},{"name":"b"}]}}"#,
                #"{"spec":{"containers":[{"$patch":"replace"},{"name":"c"}]}}"#,
                #"{"spec":{"containers":[{"name":"c"}]}}"#
            ),
            (#"{"data":{"a":"1","b":"2"}}"#, #"{"data":{"$patch":"replace","c":"3"}}"#, #"{"data":{"c":"3"}}"#),
            (
                #"{"metadata":{"finalizers":["a","b"]}}"#,
                #"{"metadata":{"$deleteFromPrimitiveList/finalizers":["a"],"finalizers":["c"]}}"#,
                #"{"metadata":{"finalizers":["b","c"]}}"#
            ),
            (#"{"spec":{"unschedulable":true}}"#, #"{"spec":{"unschedulable":null}}"#, #"{"spec":{}}"#),
            // Lists without a key are replaced.
            (#"{"spec":{"args":["a","b"]}}"#, #"{"spec":{"args":["c"]}}"#, #"{"spec":{"args":["c"]}}"#),
        ] as [(String, String, String)])
    func `a strategic merge patch merges lists by their keys`(target: String, patch: String, result: String) throws {
        let patched = try StrategicMergePatch.apply(
            try JSONValue(parsing: patch), to: try JSONValue(parsing: target), type: .pod)
        #expect(patched == (try JSONValue(parsing: result)))
        #expect(patched.text() == (try JSONValue(parsing: result)).text())
    }

    @Test func `a strategic merge patch of another type replaces lists and carries no directives over`() throws {
        let patched = try StrategicMergePatch.apply(
            ["spec": ["ports": [["name": "a", "port": 1]], "$setElementOrder/ports": [["name": "a"]]]],
            to: ["spec": ["image": "x", "ports": [["name": "b", "port": 2]]]], type: .app)
        #expect(patched == ["spec": ["image": "x", "ports": [["name": "a", "port": 1]]]])
    }

    @Test func `an element of a merged list needs its key`() {
        #expect(throws: PatchError.self) {
            _ = try StrategicMergePatch.apply(["containers": [["image": "x"]]], to: [:], type: .pod)
        }
    }
}
