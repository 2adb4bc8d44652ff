import Glibc
import Linux
import Model
import Proxy
import Testing
import Threads

@testable import DataPlane

extension LiveHAProxy {
    /// Which pod a request goes to, and which one next when that does not answer.
    @Suite(.timeLimit(.minutes(10)), .enabled(if: isRoot)) struct RequestChoiceTests {
        @Test(arguments: [
            (nil, "GET", 502), (["EmptyResponse"], "GET", 200), (["EmptyResponse"], "PUT", 200),
            (["EmptyResponse"], "POST", 502), (["EmptyResponse"], "PATCH", 502),
        ])
        func `a request that a pod has received is sent again only where the App and the method allow it`(
            conditions: [String]?, method: String, status: Int
        ) throws {
            try withOrigins("a", "b") { proxy, origins, port in
                origins[0].manner = .closing
                proxy.director.apply(
                    table(
                        service(port: port, origins) {
                            if let conditions { $0.retries?.on = conditions }
                        }))
                #expect(proxy.awaitServing("a", "b"))
                while origins[0].requests == 0 {
                    let before = origins[0].requests
                    let answer = HTTP.get(port, method: method, headers: ["Host: test", "Content-Length: 0"])
                    #expect(answer?.status == (origins[0].requests == before ? 200 : status))
                }
                #expect(origins[0].requests == 1)
            }
        }

        @Test func `by source clients stay on their pod, and few move when pods come`() throws {
            try withOrigins("a", "b", "c", "d") { proxy, origins, port in
                func serve(_ origins: some Sequence<Origin>) {
                    proxy.director.apply(table(service(port: port, Array(origins)) { $0.balance = "SourceHash" }))
                }
                func pods() -> [String?] { (1...40).map { HTTP.get(port, from: UInt8($0))?.body } }
                serve(origins.dropLast())
                #expect(proxy.awaitServing("a", "b", "c"))
                let first = pods()
                #expect(Set(first) == ["a", "b", "c"])
                #expect(pods() == first)
                serve(origins)
                #expect(proxy.awaitServing("d"))
                let second = pods()
                #expect(zip(first, second).allSatisfy { $0 == $1 || $1 == "d" }, "nobody moves but to the new pod")
                #expect(second.contains("d") && zip(first, second).contains { $0 == $1 })
            }
        }

        @Test func `requests whose lines nobody reads in time are said to be in no count`() throws {
            try withTestDirectory { directory in
                let origin = try Origin("a")
                defer { origin.stop() }
                let port = TestPorts.next()
                let first = try LiveProxy("\(directory)/proxy", logRoom: 4096)
                first.director.apply(table(service(port: port, [origin])))
                #expect(first.awaitServing("a"))
                first.director.leave()
                for _ in 0..<200 { #expect(HTTP.get(port)?.status == 200) }
                let second = try LiveProxy("\(directory)/proxy")
                defer { second.director.stop(finishing: .milliseconds(10)) }
                second.director.apply(table(service(port: port, [origin])))
                let event = second.await { if case .uncounted = $0 { true } else { false } }
                guard case .uncounted(let reason)? = event else { return }
                let lost = try #require(reason.split(separator: " ").lazy.compactMap { Int($0) }.first)
                func counted() -> Int {
                    second.director.trafficTotals.values.reduce(0) { $0 + $1.counts.requests }
                }
                #expect(second.director.wait(atMost: .seconds(5)) { counted() + lost == 200 ? true : nil } == true)
                #expect(lost > 50 && lost < 200)
            }
        }
    }
}
