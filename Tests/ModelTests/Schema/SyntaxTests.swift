import Model
import Testing

@Suite struct SyntaxTests {
    @Test(
        arguments: [
            (
                .dnsLabel, ["a", "a-b", "0", "a1", String(repeating: "a", count: 63)],
                ["", "-a", "a-", "A", "a.b", "a_b", "é", String(repeating: "a", count: 64)]
            ),
            (
                .dnsSubdomain, ["a", "a.b", "a-b.c1"],
                ["", ".", "a.", ".a", "a..b", "A.b", "a_b", String(repeating: "a.", count: 127) + "a"]
            ),
            (
                .namePrefix, ["a", "a-", "web-"],
                ["", "-a", "A-", "a.", String(repeating: "a", count: 58)].filter { $0 != "" }
            ),
            (
                .hostname, ["a.example.com", "*.example.com", "localhost"],
                ["", "*", "*.", "a.*.b", "shop_x", "a:80", "http://a"]
            ),
            (.portName, ["http", "a", "grpc-1", "123a"], ["", "123", "a--b", "-a", "HTTP", "longer-than-15-x"]),
            (
                .labelKey, ["a", "A.b-c_d", "example.com/app"],
                ["", "/a", "a/", "a/b/c", "-a", "a b", "Example.com/a", String(repeating: "a", count: 64)]
            ),
            (.labelValue, ["", "a", "A.b-c_d", "1"], ["-a", "a-", "a b", "é", String(repeating: "a", count: 64)]),
            (.configKey, ["a", "a.txt", ".a", "_", "A-b"], ["", ".", "..", "..a", "a/b", "a b"]),
            (.environmentName, ["A", "a_b", "_", "a.b", "A-B"], ["", "1A", "A=B", "A B", "é"]),
            (.path, ["/", "/a", "/a/b..c", "/..."], ["", "a", "/a/..", "/../a", "/a\u{0}"]),
            (.relativePath, ["a", "a/b", "..a"], ["", "/a", "..", "a/../b", "a\u{0}"]),
            (.urlPath, ["/", "/a?b=c"], ["", "a", "/a b", "/é", "/\n"]),
            (.duration, ["0s", "10s"], ["", "-1s", "10"]), (.positiveDuration, ["1ms", "10s"], ["0s", "1us"]),
            (.quantity, ["1", "250m"], ["", "-1", "1MB"]), (.positiveCount, ["1", "1k"], ["0", "500m", "1.5"]),
            (.percent, ["0%", "70%", "150%"], ["", "70", "%", "-1%", "1.5%", "10001%"]),
            (
                .cron, ["* * * * *", "0 8 * * 1-5", "*/5 0-6/2 1,15 jan-jun MON", "0 0 31 12 7"],
                [
                    "", "* * * *", "* * * * * *", "60 * * * *", "* 24 * * *", "* * 0 * *", "* * * 13 *", "* * * * 8",
                    "5-1 * * * *", "*/0 * * * *", "5/2 * * * *", "a * * * *", "1, * * * *", "@daily",
                ]
            ),
            (.timeZone, ["UTC", "Europe/Paris", "Etc/GMT+1"], ["", "/etc/passwd", "../x", "a b"]),
            (
                .imageReference,
                [
                    "web", "web:1", "registry.example.com/a/b:1.4.2", "localhost:5000/a", "a/b_c/d__e/f.g-h",
                    "oci:/x/y:1.0", "rootfs:/srv/x",
                    "web@sha256:" + String(repeating: "a", count: 64),
                    "web:1@sha256:" + String(repeating: "0", count: 64), "127.0.0.1:5000/web:x", "library/web:_1",
                ],
                [
                    "", "Web", "web:", "web:-1", "a//b", "/a", "a/", "web@sha256:abc", "web@md5:x", "a b", "oci:",
                    "https://x/y", "web:1:2", "a___b", "-a", "a-",
                    "registry.example.com:99999/a", "web@", "é",
                ]
            ),
            (.dateTime, ["2026-01-31T08:00:00Z"], ["", "2026-01-31"]), (.base64, ["", "eA=="], ["x", "eA=", "e A="]),
            (.httpURL, ["http://a", "https://a/b?c"], ["", "ftp://a", "http://a b"]),
            (.capability, ["ALL", "NET_ADMIN", "SYS_PTRACE"], ["", "CAP_NET_ADMIN", "net_admin", "NOPE"]),
            (
                .signal, ["SIGTERM", "SIGRTMIN+3", "SIGWINCH"],
                ["", "TERM", "15", "sigterm", "SIGRTMIN", "SIGRTMIN+99", "SIGRTMIN+-1"]
            ),
            (
                .podField, ["metadata.name", "status.podIP", "metadata.labels['a']", "metadata.annotations['x.y/z']"],
                ["", "metadata", "spec.image", "metadata.labels['']", "metadata.labels[a]"]
            ),
            (.headerName, ["Host", "X-A", "a1"], ["", "a b", "a:b", "é"]),
            (.headerValue, ["", "a b"], ["a\r\nb", "é"]),
            (.retryCondition, ["ConnectFailure", "503"], ["418", ""]), (.nonEmpty, ["a"], [""]),
            (.argument, ["", "a\n"], ["\u{0}"]),
        ] as [(StringFormat, [String], [String])])
    func `a format accepts what it should and nothing else`(format: StringFormat, good: [String], bad: [String]) {
        for text in good { #expect(format.isValid(text), "\(format.name) refuses \(text.debugDescription)") }
        for text in bad { #expect(!format.isValid(text), "\(format.name) accepts \(text.debugDescription)") }
    }

    @Test(
        arguments: [
            ("replica", ["replicas", "rollout"], "replicas"), ("rolling", ["Rolling", "Canary"], "Rolling"),
            ("iamge", ["image"], "image"),
            ("prot", ["port", "protocol"], "port"), ("x", ["a", "b"], nil), ("", ["a"], nil), ("abc", [], nil),
            ("name", ["image"], nil),
            ("TERM", ["SIGTERM", "SIGINT"], "SIGTERM"), ("readyness", ["readiness"], "readiness"),
            (String(repeating: "a", count: 65), [String(repeating: "a", count: 65)], nil),
        ] as [(String, [String], String?)])
    func `the nearest name is found`(word: String, candidates: [String], nearest: String?) {
        #expect(FieldError.nearest(word, among: candidates) == nearest)
    }

    @Test func `paths are written as people write them`() {
        let path = FieldPath(names: "spec", "ports").appending(0).appending("port")
        #expect(path.description == "spec.ports[0].port")
        #expect(path.parent?.description == "spec.ports[0]")
        #expect(FieldPath().parent == nil)
        #expect(FieldPath(names: "metadata", "labels", "a.b/c").description == "metadata.labels[\"a.b/c\"]")
        #expect(FieldPath(names: "metadata", "labels", "").description == "metadata.labels[\"\"]")
        #expect(path.isInside(FieldPath(names: "spec")))
        #expect(!FieldPath(names: "spec").isInside(path))
        let document: JSONValue = ["spec": ["ports": [["port": 80]]]]
        #expect(document[at: path] == 80)
        #expect(document[at: FieldPath(names: "spec", "ports").appending(1)] == nil)
        #expect(document[at: FieldPath(names: "spec").appending(0)] == nil)
    }
}
