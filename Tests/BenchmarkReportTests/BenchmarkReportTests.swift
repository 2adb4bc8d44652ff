import BenchmarkReport
import Model
import Testing

@Suite("What a benchmark prints")
struct BenchmarkReportTests {
    @Test(
        "the median is the middle of the values",
        arguments: [
            ([], nil), ([3], 3), ([3, 1, 2], 2), ([4, 1, 3, 2], 2.5), ([5, 5, 1000], 5),
        ] as [([Double], Double?)])
    func middle(values: [Double], expected: Double?) { #expect(median(values) == expected) }

    @Test("a percentile is one of the values: the first that enough of them do not exceed")
    func rank() {
        let values = (1...1000).map(Double.init)
        #expect(percentile(values, 0.99) == 990)
        #expect(percentile(values, 1) == 1000)
        #expect(percentile([7], 0.01) == 7)
        #expect(percentile([], 0.5) == nil)
    }

    private func samples(_ work: String, peer: String? = nil, unit: String = "s", _ values: Double...) -> [Sample] {
        values.map { Sample(name: "apply50", work: work, peer: peer, value: $0, unit: unit) }
    }

    @Test("a line of JSON has the members that are promised, by medians and with four digits")
    func json() {
        let all = samples("50 replicas", 1.5, 1.23456, 9) + samples("50 replicas", peer: "Docker Swarm", 8, 6, 7)
        #expect(
            rows(from: all).map { $0.json.text() } == [
                #"{"name":"apply50","work":"50 replicas","peer":"Docker Swarm","ours":1.5,"theirs":7,"unit":"s","ratio":0.2143,"runs":3}"#
            ])
    }

    @Test("a side that nobody measured is null, and so is the ratio")
    func oneSide() {
        let all = samples("ours only", unit: "MB", 0.25) + samples("theirs only", peer: "etcd", 3, 5)
        #expect(
            rows(from: all).map { $0.json.text() } == [
                #"{"name":"apply50","work":"ours only","peer":"","ours":0.25,"theirs":null,"unit":"MB","ratio":null,"runs":1}"#,
                #"{"name":"apply50","work":"theirs only","peer":"etcd","ours":null,"theirs":4,"unit":"s","ratio":null,"runs":2}"#,
            ])
        #expect(rows(from: []).isEmpty)
    }

    @Test("nothing divides by a peer's zero")
    func zero() {
        let row = rows(from: samples("w", 1) + samples("w", peer: "p", 0)).first
        #expect(row?.ratio == nil)
        #expect(row?.theirs == 0)
    }

    @Test("measurements that were printed can be read again, whatever order the runs came in")
    func roundTrip() {
        let all = samples("a", 2) + samples("b", 1) + samples("a", peer: "etcd", 8) + samples("a", 4)
        let read = all.compactMap { Sample(json: $0.json) }
        #expect(read == all)
        #expect(rows(from: read).map(\.work) == ["a", "b"])
        #expect(rows(from: read).map(\.ours) == [3, 1])
        #expect(Sample(json: ["name": "api"]) == nil)
    }

    @Test("the table has numbers to the right, three digits, and a dash for what is not there")
    func table() {
        let all = [
            Sample(name: "api", work: "reads", value: 51_234, unit: "1/s"),
            Sample(name: "api", work: "reads", peer: "etcd", value: 8123, unit: "1/s"),
            Sample(name: "memory", work: "kernel", value: 0.25, unit: "MB"),
        ]
        #expect(
            reportTable(rows(from: all)) == """
                BENCHMARK   WORK     PEER     OURS   THEIRS   UNIT   RATIO   RUNS
                api         reads    etcd   51 200     8120   1/s     6.31      1
                memory      kernel   -        0.25        -   MB         -      1

                """)
    }
}
