import Model
import Testing

@testable import Commands

private let readings: [(String, [Targets.Group])] = [
    ("pods", [.init(type: .pod)]),
    ("pod web-1", [.init(type: .pod, names: ["web-1"])]),
    ("po web-1 web-2", [.init(type: .pod, names: ["web-1", "web-2"])]),
    ("App web", [.init(type: .app, names: ["web"])]),
    ("apps.martlet.dev", [.init(type: .app)]),
    ("apps,pods", [.init(type: .app), .init(type: .pod)]),
    ("all", [.init(type: .app), .init(type: .revision), .init(type: .pod)]),
    ("pod/a app/b pod/c", [.init(type: .pod, names: ["a", "c"]), .init(type: .app, names: ["b"])]),
]

@Test(arguments: readings)
func `words name objects`(words: String, groups: [Targets.Group]) throws {
    #expect(try Targets(words.split(separator: " ").map(String.init)).groups == groups)
}

@Test(arguments: [
    ("", "say what: a type such as `apps` or `pods`, or TYPE/NAME"),
    ("pdos", "there is no type \"pdos\"; did you mean \"pods\"?"),
    ("apps,pods web", "names cannot follow several types; write TYPE/NAME for each"),
    ("pod/", "\"pod/\" is not of the form TYPE/NAME"),
    ("pod/a b", "\"b\" is not of the form TYPE/NAME"),
    ("a/b/c", "\"a/b/c\" is not of the form TYPE/NAME"),
])
func `words that name nothing are refused`(words: String, message: String) {
    #expect {
        try Targets(words.split(separator: " ").map(String.init))
    } throws: {
        ($0 as? UsageError)?.message.hasPrefix(message) == true
    }
}
