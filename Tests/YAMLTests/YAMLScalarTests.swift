import Testing
import YAML

@Suite struct YAMLScalarTests {
    @Test(
        arguments: [
            ("", .null), ("~", .null), ("null", .null), ("Null", .null), ("NULL", .null), ("nUll", .string),
            ("true", .bool(true)), ("True", .bool(true)), ("TRUE", .bool(true)), ("false", .bool(false)),
            ("False", .bool(false)), ("FALSE", .bool(false)), ("tRue", .string),
            ("yes", .string), ("no", .string), ("on", .string), ("off", .string), ("y", .string), ("NO", .string),
            ("0", .integer(0)), ("-0", .integer(0)), ("7", .integer(7)), ("-7", .integer(-7)), ("+7", .integer(7)),
            ("9223372036854775807", .integer(.max)), ("-9223372036854775808", .integer(.min)),
            ("0o17", .integer(15)), ("0x1F", .integer(31)), ("0xff", .integer(255)), ("0o8", .string), ("0xg", .string),
            ("0x", .string), ("0o", .string), ("0x-1", .string), ("-0x1", .string),
            ("1.5", .number(1.5)), ("-1.5", .number(-1.5)), ("+1.5", .number(1.5)), (".5", .number(0.5)),
            ("-.5", .number(-0.5)), ("+.5", .number(0.5)), ("5.", .number(5)), ("1e3", .number(1000)),
            ("1E-2", .number(0.01)), ("5.e1", .number(50)), (".5e+1", .number(5)), ("1.0", .number(1)),
            (".", .string), ("-", .string), ("+", .string), ("e3", .string), ("1e", .string), ("1e+", .string),
            ("1_000", .string), ("1,5", .string), ("1.2.3", .string), ("12:30", .string), ("0b1", .string),
            ("10.0.0.1", .string), ("1.4.2", .string), ("..", .string), ("- 1", .string), ("2026-01-31", .string),
            ("250m", .string), ("128Mi", .string), ("25%", .string), ("١", .string), ("text", .string), ("<<", .string),
        ] as [(String, YAMLScalar.Meaning)])
    func `a plain scalar means what YAML's core schema says`(text: String, meaning: YAMLScalar.Meaning) {
        #expect(YAMLScalar(text, isPlain: true).meaning == meaning)
        #expect(YAMLScalar(text, isPlain: false).meaning == .string)
    }

    @Test(arguments: [
        "0644", "00", "-012", "+01", ".inf", "-.INF", ".nan", "9223372036854775808", "1e400", "0xffffffffffffffffff",
    ])
    func `a scalar that readers disagree on or JSON has no room for is refused`(text: String) {
        guard case .refused(let message) = YAMLScalar(text, isPlain: true).meaning else {
            Issue.record("\(text) is accepted")
            return
        }
        #expect(message.contains("quote it"))
        #expect(YAMLScalar(text, isPlain: false).meaning == .string)
    }
}
