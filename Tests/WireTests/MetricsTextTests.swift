import Model
import Testing
import Wire

@Suite struct MetricsTextTests {
    private func page(_ format: MetricsText.Format) -> String {
        var text = MetricsText(format)
        text.begin("nothing_total", .counter, "Nothing.")
        text.begin("requests_total", .counter, "Requests.")
        text.add(3, MetricLabels(["app": "web", "pod": ""]))
        text.add(0.25)
        text.begin("took_seconds", .histogram, "Times.")
        text.add([(bound: 250, count: 1), (bound: 1000, count: 2)], count: 3, sum: 5500, MetricLabels(["app": "web"]))
        return String(decoding: text.bytes, as: UTF8.self)
    }

    @Test func `the text format has a head for each measurement that has values`() {
        #expect(
            page(.prometheus) == """
                # HELP requests_total Requests.
                # TYPE requests_total counter
                requests_total{app="web"} 3
                requests_total 0.25
                # HELP took_seconds Times.
                # TYPE took_seconds histogram
                took_seconds_bucket{app="web",le="0.25"} 1
                took_seconds_bucket{app="web",le="1"} 2
                took_seconds_bucket{app="web",le="+Inf"} 3
                took_seconds_sum{app="web"} 5.5
                took_seconds_count{app="web"} 3

                """)
    }

    @Test func `OpenMetrics names counters without their ending, and ends`() {
        let text = page(.openMetrics)
        #expect(text.hasPrefix("# HELP requests Requests.\n# TYPE requests counter\nrequests_total{app=\"web\"} 3\n"))
        #expect(text.contains("le=\"1.0\"") && text.hasSuffix("\n# EOF\n"))
    }

    @Test(arguments: [
        ("a\"b", #"a\"b"#), (#"a\b"#, #"a\\b"#), ("a\nb", #"a\nb"#), ("ä{},= b", "ä{},= b"), ("a\r\nb", "a\r\\nb"),
    ])
    func `values of labels are escaped`(value: String, escaped: String) {
        var text = MetricsText(.prometheus)
        text.begin("m", .gauge, "M.")
        text.add(1, MetricLabels(["l": value]))
        #expect(String(decoding: text.bytes, as: UTF8.self).hasSuffix("m{l=\"\(escaped)\"} 1\n"))
    }

    @Test(arguments: [
        (nil, MetricsText.Format.prometheus), ("*/*", .prometheus), ("text/plain;version=0.0.4", .prometheus),
        ("application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5,*/*;q=0.1", .openMetrics),
    ])
    func `the client chooses the format`(accept: String?, format: MetricsText.Format) {
        #expect(MetricsText.Format(accept: accept) == format)
    }
}
