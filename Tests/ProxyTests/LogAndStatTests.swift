import Model
import Proxy
import TestSupport
import Testing

@Suite struct RequestLogTests {
    private func read(_ line: String) -> RequestRecord? {
        var reader = RequestLogReader()
        return reader.take(line + "\n").first
    }

    @Test func `a line is read`() {
        let record = read("shop:web:http:current pod-1 503 2012 SC 1700000000")
        #expect(record?.backend == "shop:web:http:current")
        #expect(record?.server == "pod-1")
        #expect(record?.status == 503 && record?.total == 2012 && record?.termination == "SC")
        #expect(record?.second == 1_700_000_002)
        #expect(read("b p -1 -1 CR 17")?.second == 17)
    }

    @Test(arguments: [
        "Server shop:web:http:current/b is UP/READY (leaving forced maintenance).", "", " ",
        "a b 200 1 --", "a b 200 1 -- 2 3", "a b x 1 -- 3", "a b 200 1 -- 1234567890123456789",
    ])
    func `what is no request is not read`(line: String) {
        #expect(read(line) == nil)
    }

    @Test(arguments: [
        ("200", "--", "p", false), ("500", "--", "p", true), ("501", "--", "p", false),
        ("503", "SC", "p", true), ("503", "sQ", "p", false), ("503", "SC", "<NOSRV>", false),
        ("504", "sH", "p", true), ("0", "SC", "p", true), ("0", "--", "p", false), ("404", "--", "p", false),
    ])
    func `an error of a pod is one that the pod can be blamed for`(
        status: String, termination: String, server: String, isError: Bool
    ) {
        #expect(read("b \(server) \(status) 1 \(termination) 3")?.isServerError == isError)
    }

    @Test func `a stream is cut into lines wherever it is torn, and what is no request passed over`() {
        // More names than are remembered.
        let names = (0..<3000).map { "pod-\($0 % 2500)" }
        let lines = names.flatMap { ["shop:web:http:current \($0) 200 1 -- 17", "", "a server is up"] }
        let bytes = Array((lines.joined(separator: "\n") + "\n").utf8)
        var random = SplitMix64(seed: 3)
        for longest in [6, 100, 10_000] {
            var reader = RequestLogReader()
            var found: [RequestRecord] = []
            var rest = bytes[...]
            while !rest.isEmpty {
                let piece = rest.prefix(Int.random(in: 1...longest, using: &random))
                found += piece.withUnsafeBytes { reader.take($0) }
                rest = rest.dropFirst(piece.count)
            }
            #expect(found.map(\.server) == names)
            #expect(found.allSatisfy { $0.backend == "shop:web:http:current" && $0.status == 200 })
        }
    }

    @Test func `a line that does not end is given up`() {
        var reader = RequestLogReader()
        for _ in 0..<70 { #expect(reader.take(String(repeating: "x", count: 1000)).isEmpty) }
        #expect(reader.take("\nb p 200 1 -- 3\n").count == 1)
    }
}

@Suite struct StatTableTests {
    @Test func `columns are found by their names`() {
        let text = """
            # svname,pxname,status,scur,qcur,addr,slim,new,hrsp_2xx,mode,sid,
            FRONTEND,shop:web:http,OPEN,1,,,,x,5,http,0,
            BACKEND,shop:web:http:current,UP,2,1,,,x,6,http,0,
            "a,b",shop:web:http:current,no check,2,0,10.0.0.1:80,20,x,6,http,77,
            c,shop:web:http:current,MAINT,0,0,10.0.0.2:80,,x,,tcp,78,

            """
        let rows = StatTable.rows(Array(text.utf8))
        #expect(rows.map { $0.server ?? "-" } == ["-", "a,b", "c"])
        #expect(rows[0][.queued] == 1 && rows[0][.inFlight] == 2)
        #expect(rows[1].address == "10.0.0.1:80" && rows[1][.limit] == 20 && rows[1][.number] == 77)
        #expect(rows[2].status == "MAINT")
        var observed = ObservedProxy()
        observed.note(rows)
        #expect(observed.backends == ["shop:web:http:current"])
        let c = observed.servers[ServerName("shop:web:http:current", "c")]
        #expect(c == ObservedServer(address: "10.0.0.2:80", state: .maintenance, number: 78))
    }

    @Test(arguments: ["", "\n", "Unknown command", "# ", "# pxname"])
    func `what is no table has no rows`(text: String) {
        #expect(StatTable.rows(Array(text.utf8)).isEmpty)
    }

    @Test func `maps, marks and WebSockets are read`() {
        #expect(ObservedProxy.map("0x55 a 1\n0x56 b/c 2 3\n\n") == ["a": "1", "b/c": "2 3"])
        #expect(ObservedProxy.map("\n") == [:])
        #expect(ObservedProxy.map("Unknown map identifier. Please use #<id> or <file>.\n") == nil)
        #expect(ObservedProxy.mark("Name: HAProxy\ndescription: 12ab\n") == "12ab")
        #expect(ObservedProxy.mark("Name: HAProxy\n") == "")
        let table =
            "# table: tunnels, type: string\n0x7f: key=pod-1 use=1 exp=86 conn_cur=3\n0x7e: key=pod-2 use=0 exp=2 conn_cur=0\n"
        #expect(ObservedProxy.tunnels(table) == ["pod-1": 3, "pod-2": 0])
    }
}

@Suite struct LatencyHistogramTests {
    @Test func `a bucket holds what is at most an eighth below its longest time`() {
        var last = -1
        for milliseconds in Array(0...5000) + stride(from: 5000, to: 4_000_000, by: 997) {
            let bucket = LatencyHistogram.bucket(milliseconds)
            #expect(bucket >= last)
            last = bucket
            let longest = LatencyHistogram.longest(bucket)
            #expect(longest >= milliseconds && Double(longest) <= Double(milliseconds) * 1.125 + 0.001)
        }
        #expect(LatencyHistogram.bucket(.max) == LatencyHistogram.bucketCount - 1)
        #expect(LatencyHistogram.bucket(-1) == 0)
    }

    @Test func `quantiles are at most an eighth above the exact ones, and merging loses nothing`() {
        var random = SplitMix64(seed: 11)
        for _ in 0..<20 {
            let times = (0..<500).map { _ in Int.random(in: 0...2000, using: &random) }
            var (one, other) = (LatencyHistogram(), LatencyHistogram())
            for time in times.prefix(200) { one.record(time) }
            for time in times.dropFirst(200) { other.record(time) }
            one.merge(other)
            #expect(one.count == 500)
            for share in [0.5, 0.95, 0.99, 1] {
                let exact = times.sorted()[Int(500 * share) - 1]
                let found = one.quantile(share) ?? -1
                #expect(found >= exact && Double(found) <= Double(exact) * 1.125 + 0.001)
            }
        }
        #expect(LatencyHistogram().p99 == nil)
    }
}
