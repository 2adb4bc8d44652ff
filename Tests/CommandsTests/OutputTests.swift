import Model
import Testing

@testable import Commands

private let pod: JSONValue = [
    "apiVersion": "v1", "kind": "Pod", "metadata": ["name": "web-1", "labels": ["a.b/c": "d"]],
    "spec": ["ports": [["port": 80], ["port": 81]]],
]
private let app: JSONValue = ["apiVersion": "martlet.dev/v1", "kind": "App", "metadata": ["name": "web"]]

@Test(arguments: [
    ("{.metadata.name}", "web-1"), (".metadata.name", "web-1"), ("{$.metadata.name}", "web-1"),
    ("{.spec.ports[1].port}", "81"), ("{.spec.ports[*].port}", "80 81"), ("{.spec.ports[7].port}", ""),
    (#"{.metadata.labels.a\.b/c}"#, "d"), ("{.metadata.labels['a.b/c']}", "d"), ("{.nothing.there}", ""),
    ("{.spec.ports[0]}", #"{"port":80}"#),
])
func `a path has values`(path: String, text: String) throws {
    #expect(try FieldQuery(path).text(in: pod) == text)
}

@Test(arguments: ["{.a[x]}", "{a}", "{.a[}", "{range .items[*]}"])
func `a path that is none is refused`(path: String) {
    #expect(throws: UsageError.self) { try FieldQuery(path) }
}

@Test(
    arguments: [(nil, .table), ("wide", .wide), ("name", .name), ("json", .json), ("yaml", .yaml)]
        as [(String?, OutputFormat)])
func `an output format is read`(text: String?, format: OutputFormat) throws {
    #expect(try OutputFormat(text) == format)
}

@Test func `an unknown output format is refused with those there are`() {
    #expect {
        try OutputFormat("yml")
    } throws: {
        ($0 as? UsageError)?.message
            == "unknown output format \"yml\"; allowed: wide, name, json, yaml, jsonpath={.a.b}"
    }
}

@Test func `objects are written as names, documents and lists`() throws {
    #expect(try OutputFormat("name").text(of: [pod, app], asList: true) == "pod/web-1\napp.martlet.dev/web\n")
    #expect(
        try OutputFormat("yaml").text(of: [app], asList: false).hasPrefix("apiVersion: martlet.dev/v1\nkind: App\n"))
    let list = try JSONValue(parsing: OutputFormat("json").text(of: [pod, app], asList: true))
    #expect(list["kind"]?.string == "List")
    #expect(list["items"]?.array == [pod, app])
    #expect(
        try OutputFormat("jsonpath={.items[*].metadata.name}").text(of: [pod, app], asList: true) == "web-1 web")
    #expect(try OutputFormat("jsonpath={.metadata.name}").text(of: [pod, app], asList: true) == "web-1\nweb")
}

@Test func `columns of a table are aligned and the last is not padded`() {
    let table = TextTable(headers: ["NAME", "WHY"], rows: [["a", "long text"], ["longer-name", ""]])
    #expect(table.text() == "NAME          WHY\na             long text\nlonger-name   \n")
    #expect(table.text(withHeaders: false) == "a             long text\nlonger-name   \n")
}

private let tableDocument: JSONValue = [
    "kind": "Table", "metadata": ["resourceVersion": "42"],
    "columnDefinitions": [["name": "Name", "priority": 0], ["name": "Ready"], ["name": "Node", "priority": 1]],
    "rows": [
        [
            "cells": ["web-1", true, "n1"],
            "object": ["metadata": ["namespace": "shop", "labels": ["app": "web", "tier": "front"]]],
        ],
        ["cells": ["web-2", .null, ""], "object": ["metadata": ["namespace": "shop"]]],
    ],
]

@Test func `the server's table is cut to what is shown`() {
    let narrow = ServerTable(tableDocument, isWide: false, withNamespace: false)
    #expect(narrow.revision == "42")
    #expect(narrow.table.headers == ["NAME", "READY"])
    #expect(narrow.table.rows == [["web-1", "true"], ["web-2", "<none>"]])
    let wide = ServerTable(tableDocument, isWide: true, withNamespace: true, withLabels: true, prefix: "pod/")
    #expect(wide.table.headers == ["NAMESPACE", "NAME", "READY", "NODE", "LABELS"])
    #expect(
        wide.table.rows == [
            ["shop", "pod/web-1", "true", "n1", "app=web,tier=front"],
            ["shop", "pod/web-2", "<none>", "<none>", "<none>"],
        ])
}

@Test func `a difference is shown with three lines around it`() {
    let old = (1...12).map { Substring("line \($0)") }
    var new = old
    new[5] = "changed"
    new.append("added")
    #expect(
        UnifiedDiff.text(old: old, new: new, oldTitle: "a", newTitle: "b") == """
            --- a
            +++ b
            @@ -3,10 +3,11 @@
             line 3
             line 4
             line 5
            -line 6
            +changed
             line 7
             line 8
             line 9
             line 10
             line 11
             line 12
            +added

            """)
    #expect(UnifiedDiff.text(old: old, new: old, oldTitle: "a", newTitle: "b").isEmpty)
    #expect(
        UnifiedDiff.text(old: [], new: ["x"], oldTitle: "a", newTitle: "b") == "--- a\n+++ b\n@@ -0,0 +1,1 @@\n+x\n")
}

@Test func `progress is one line that is written over on a terminal, and a line a change elsewhere`() {
    func shown(onTerminal: Bool) -> String {
        let text = Collected()
        let line = ProgressLine(
            Context(writeOutput: { _ in }, writeErrors: { text.append($0) }, showsProgress: onTerminal))
        line.show("one")
        line.show("one")
        line.show("two")
        line.clear()
        return text.text
    }
    #expect(shown(onTerminal: false) == "one\ntwo\n")
    #expect(shown(onTerminal: true) == "\r\u{1B}[2Kone\r\u{1B}[2Ktwo\r\u{1B}[2K")
}
