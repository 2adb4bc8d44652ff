import Model
import Testing

@Suite struct QuantityTests {
    @Test(
        arguments: [
            ("0", 0), ("1", 1000), ("250m", 250), ("0.5", 500), (".5", 500), ("5.", 5000), ("1.5Gi", 1_610_612_736_000),
            ("128Mi", 134_217_728_000), ("1Ki", 1_024_000), ("1k", 1_000_000), ("1M", 1_000_000_000),
            ("1G", 1_000_000_000_000),
            ("1Ti", 1_099_511_627_776_000), ("1Pi", 1_125_899_906_842_624_000), ("1P", 1_000_000_000_000_000_000),
            ("1e3", 1_000_000), ("1E3", 1_000_000), ("1e+3", 1_000_000), ("1e-3", 1), ("1.25e1", 12_500),
            ("16.1", 16_100), ("0.1", 100), ("8.2", 8200), ("1001m", 1001), ("0.0001", 1), ("1n", 1), ("1500u", 2),
            ("0m", 0),
            ("9223372036854775", 9_223_372_036_854_775_000), ("000001", 1000),
        ] as [(String, Int64)])
    func `a quantity is held in thousandths, exactly or rounded up`(text: String, thousandths: Int64) throws {
        let quantity = try #require(Quantity(text))
        #expect(quantity.thousandths == thousandths)
        #expect(quantity.description == text)
    }

    @Test(arguments: [
        "", "m", "Mi", "-1", "+1", "1 Mi", "1MB", "1mi", "1KI", "1e", "1e3Ki", "1.2.3", "0x10", "１", "NaN", "inf",
        "1e99", "1Ei",
        "9223372036854776", "1e1.5", ".", "1234567890123456789012",
    ])
    func `anything else is no quantity`(text: String) {
        #expect(Quantity(text) == nil)
    }

    @Test func `every count of thousandths survives being written`() throws {
        for count in Int64(0)...5000 {
            #expect(Quantity("\(count)m")?.thousandths == count)
            #expect(Quantity("\(count / 1000).\(String(1000 + count % 1000).dropFirst())")?.thousandths == count)
        }
    }

    @Test(arguments: [
        (Quantity.millicores(250), "250m"), (.millicores(2000), "2"), (.bytes(1 << 30), "1Gi"),
        (.bytes(3 << 20), "3Mi"),
        (.bytes(1025), "1025"), (.bytes(0), "0"), (.count(7), "7"),
    ])
    func `made quantities are written shortly and read back`(quantity: Quantity, text: String) {
        #expect(quantity.text == text)
        #expect(Quantity(text) == quantity)
    }

    @Test func `equal amounts are equal however they are written`() throws {
        #expect(Quantity("1Gi") == Quantity("1024Mi"))
        #expect(Quantity("0.5")?.hashValue == Quantity("500m")?.hashValue)
        #expect(try #require(Quantity("1G")) < #require(Quantity("1Gi")))
        #expect(try #require(Quantity("1m")).whole == 1)
        #expect(try #require(Quantity("2")).whole == 2)
    }

    @Test(arguments: [("\"128Mi\"", "128Mi"), ("2", "2"), ("0.5", "0.5"), ("1.5", "1.5")])
    func `numbers decode as quantities`(json: String, text: String) throws {
        let requirements = try ResourceRequirements(json: ["requests": ["cpu": JSONValue(parsing: json)]])
        #expect(requirements.requests["cpu"]?.text == text)
        #expect(requirements.json == ["requests": ["cpu": .string(text)]])
    }
}

@Suite struct TimeSpanTests {
    @Test(
        arguments: [
            ("0", 0, "0s"), ("0s", 0, "0s"), ("10s", 10_000_000_000, "10s"), ("1m30s", 90_000_000_000, "1m30s"),
            ("90s", 90_000_000_000, "1m30s"),
            ("250ms", 250_000_000, "250ms"), ("1.5s", 1_500_000_000, "1s500ms"), ("2h", 7_200_000_000_000, "2h"),
            ("1us", 1000, "1us"), ("1ns", 1, "1ns"),
            ("0.1s", 100_000_000, "100ms"), ("1h0m1s", 3_601_000_000_000, "1h1s"), ("1s1s", 2_000_000_000, "2s"),
            ("0.000000001s", 1, "1ns"),
            ("2562047h", 9_223_369_200_000_000_000, "2562047h"),
        ] as [(String, Int64, String)])
    func `a length of time is parsed and written`(text: String, nanoseconds: Int64, written: String) throws {
        let span = try #require(TimeSpan(text))
        #expect(span.nanoseconds == nanoseconds)
        #expect(span.description == written)
        #expect(TimeSpan(written) == span)
    }

    @Test(arguments: [
        "", "10", "s", "-1s", "+1s", "1 s", "1d", "1S", "1.s", "1..5s", "1.5.5s", "1e3s", "2562048h", "9223372036.9s",
        "１s", "10s ", "5 seconds",
    ])
    func `anything else is no length of time`(text: String) {
        #expect(TimeSpan(text) == nil)
    }

    @Test func `arithmetic saturates, for users choose the lengths`() {
        let longest = TimeSpan(nanoseconds: .max)
        #expect(longest + .seconds(1) == longest)
        #expect(longest * 2 == longest)
        #expect(longest * -2 == TimeSpan(nanoseconds: .min))
        #expect(TimeSpan.seconds(.max) == longest)
        #expect(TimeSpan.hours(.max) == longest)
        #expect(TimeSpan.milliseconds(.max) == longest)
        #expect(TimeSpan(nanoseconds: .min) - .seconds(1) == TimeSpan(nanoseconds: .min))
        #expect(Timestamp(seconds: 1) + longest == Timestamp(nanoseconds: .max))
        #expect(Timestamp(nanoseconds: .min) - Timestamp(nanoseconds: .max) == TimeSpan(nanoseconds: .min))
    }

    @Test func `lengths are told in whole units`() {
        let span = TimeSpan.minutes(1) + .milliseconds(1500)
        #expect(span.wholeSeconds == 61)
        #expect(span.wholeMilliseconds == 61_500)
        #expect(span.inSeconds == 61.5)
    }
}

@Suite struct TimestampTests {
    @Test(
        arguments: [
            ("1970-01-01T00:00:00Z", 0), ("2026-01-31T08:00:00Z", 1_769_846_400), ("2000-02-29T23:59:59Z", 951_868_799),
            ("1969-12-31T23:59:59Z", -1), ("2024-12-31T00:00:00Z", 1_735_603_200),
            ("2100-03-01T00:00:00Z", 4_107_542_400),
            ("1700-01-01T00:00:00Z", -8_520_336_000),
        ] as [(String, Int64)])
    func `a moment is parsed and written`(text: String, seconds: Int64) throws {
        let moment = try #require(Timestamp(text))
        #expect(moment.seconds == seconds)
        #expect(moment.description == text)
    }

    @Test(arguments: [
        ("2026-01-31T10:00:00+02:00", "2026-01-31T08:00:00Z"),
        ("2026-01-31T08:00:00.5Z", "2026-01-31T08:00:00.500000000Z"),
        ("2026-01-31t08:00:00z", "2026-01-31T08:00:00Z"), ("2025-12-31T23:30:00-01:00", "2026-01-01T00:30:00Z"),
        ("2026-01-31T08:00:00.1234567891Z", "2026-01-31T08:00:00.123456789Z"),
    ])
    func `offsets and fractions are understood`(text: String, written: String) throws {
        let moment = try #require(Timestamp(text))
        #expect((moment.nanoseconds % 1_000_000_000 == 0 ? moment.description : moment.preciseDescription) == written)
    }

    @Test(arguments: [
        "", "2026-01-31", "2026-01-31T08:00:00", "2026-02-30T00:00:00Z", "2025-02-29T00:00:00Z", "2026-13-01T00:00:00Z",
        "2026-00-01T00:00:00Z",
        "2026-01-32T00:00:00Z", "2026-01-31T24:00:00Z", "2026-01-31T08:60:00Z", "2026-01-31T08:00:00.Z",
        "2026-01-31T08:00:00+0200", "2026-01-31T08:00:00Zx",
        "9999-12-31T23:59:59Z", "0001-01-01T00:00:00Z",
    ])
    func `what is no moment of this calendar is refused`(text: String) {
        #expect(Timestamp(text) == nil)
    }

    @Test func `every day of 400 years survives being written`() {
        for day in stride(from: Int64(-99_000), to: 106_000, by: 1) {
            let moment = Timestamp(seconds: day * 86_400 + 3723)
            #expect(Timestamp(moment.description) == moment)
        }
    }

    @Test func `fractions are written before the epoch too`() {
        #expect(Timestamp(nanoseconds: -1).preciseDescription == "1969-12-31T23:59:59.999999999Z")
        #expect(Timestamp(nanoseconds: 1_500_000_000).text(fractionDigits: 3) == "1970-01-01T00:00:01.500Z")
    }
}

@Suite struct IntOrPercentTests {
    @Test(arguments: [
        ("2", IntOrPercent.count(2)), ("0", .count(0)), ("25%", .percent(25)), ("0%", .percent(0)), ("", nil),
        ("%", nil),
        ("-1", nil), ("1.5", nil), ("25 %", nil), ("a%", nil), ("+1", nil),
    ])
    func `a count or percentage is parsed`(text: String, value: IntOrPercent?) {
        #expect(IntOrPercent(text) == value)
        if let value { #expect(value.description == text) }
    }

    @Test(arguments: [(25, 10, 3, 2), (25, 4, 1, 1), (0, 10, 0, 0), (100, 7, 7, 7), (1, 1, 1, 0), (33, 0, 0, 0)])
    func `percentages round up or down`(percent: Int, whole: Int, up: Int, down: Int) {
        #expect(IntOrPercent.percent(percent).roundedUp(of: whole) == up)
        #expect(IntOrPercent.percent(percent).roundedDown(of: whole) == down)
        #expect(IntOrPercent.count(5).roundedUp(of: whole) == 5)
    }

    @Test func `it is an integer or a string in JSON`() throws {
        let rollout = try RolloutSpec(json: ["maxSurge": "25%", "maxUnavailable": 1])
        #expect(rollout.maxSurge == .percent(25))
        #expect(rollout.maxUnavailable == .count(1))
        #expect(rollout.json == ["maxSurge": "25%", "maxUnavailable": 1])
        #expect(throws: DecodingError.self) { try RolloutSpec(json: ["maxSurge": "many"]) }
    }
}
