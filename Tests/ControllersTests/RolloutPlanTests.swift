import Model
import TestSupport
import Testing

@testable import Controllers

/// Pods by their first letter: `a` available, `u` unavailable; upper case belongs to the current revision.
private func pods(_ text: String) -> [ObservedPod] {
    text.enumerated().map { index, letter in
        let isCurrent = letter.isUppercase
        let pod = Pod {
            $0.metadata.name = "\(letter)\(index)"
            $0.metadata.ownerReferences = [
                OwnerReference {
                    $0.name = isCurrent ? "new" : "old"
                    $0.controller = true
                }
            ]
            $0.spec.nodeName = "one"
            $0.status = letter.lowercased() == "a" ? .ready(since: start) : PodStatus { $0.phase = "Pending" }
        }
        return ObservedPod(pod, current: "new", stable: "old", minReady: .zero, now: start)
    }
}

private func limits(_ desired: Int, _ surge: IntOrPercent, _ unavailable: IntOrPercent) -> RolloutLimits {
    RolloutLimits(
        desired: desired,
        rollout: RolloutSpec {
            $0.maxSurge = surge
            $0.maxUnavailable = unavailable
        })
}

struct RolloutPlanTests {
    @Test(arguments: [
        (10, "25%", "25%", 13, 8), (4, "25%", "0", 5, 4), (1, "25%", "25%", 2, 1), (3, "0", "0", 3, 2),
        (0, "25%", "0", 0, 0), (2, "0", "100%", 2, 0), (2, "5", "9", 7, 0),
    ])
    func `a relative surge is rounded up, a relative unavailability down`(
        desired: Int, surge: String, unavailable: String, maxTotal: Int, minAvailable: Int
    ) throws {
        let limits = limits(desired, try #require(IntOrPercent(surge)), try #require(IntOrPercent(unavailable)))
        #expect(limits.maxTotal == maxTotal)
        #expect(limits.minAvailable == minAvailable)
    }

    struct Case: CustomStringConvertible {
        let desired: Int
        let surge: Int
        let unavailable: Int
        let pods: String
        let stopped: String
        let created: Int
        var description: String { "\(pods) to \(desired) (+\(surge) -\(unavailable))" }
    }

    static let cases = [
        // Scaling without a rollout.
        Case(desired: 3, surge: 1, unavailable: 0, pods: "", stopped: "", created: 3),
        Case(desired: 1, surge: 1, unavailable: 0, pods: "AUA", stopped: "UA", created: 0),
        Case(desired: 0, surge: 0, unavailable: 0, pods: "AA", stopped: "AA", created: 0),
        // Surge only: one more, then one fewer.
        Case(desired: 3, surge: 1, unavailable: 0, pods: "aaa", stopped: "", created: 1),
        Case(desired: 3, surge: 1, unavailable: 0, pods: "aaaU", stopped: "", created: 0),
        Case(desired: 3, surge: 1, unavailable: 0, pods: "aaaA", stopped: "a", created: 1),
        Case(desired: 3, surge: 1, unavailable: 0, pods: "aAAA", stopped: "a", created: 0),
        // Unavailability only: one fewer, then one more.
        Case(desired: 3, surge: 0, unavailable: 1, pods: "aaa", stopped: "a", created: 1),
        Case(desired: 3, surge: 0, unavailable: 1, pods: "aaU", stopped: "", created: 0),
        // Unready old pods go first, as far as those that are left could still serve.
        Case(desired: 4, surge: 1, unavailable: 1, pods: "aaau", stopped: "u", created: 2),
        Case(desired: 4, surge: 1, unavailable: 0, pods: "uuuu", stopped: "", created: 1),
        Case(desired: 4, surge: 1, unavailable: 0, pods: "uuuuA", stopped: "u", created: 1),
        Case(desired: 4, surge: 0, unavailable: 2, pods: "uuaa", stopped: "uu", created: 2),
        // A bad image stays at two new and four old pods, through a scale-up and back.
        Case(desired: 4, surge: 2, unavailable: 0, pods: "aaaaUU", stopped: "", created: 0),
        Case(desired: 8, surge: 2, unavailable: 0, pods: "aaaaUU", stopped: "", created: 4),
        Case(desired: 4, surge: 2, unavailable: 0, pods: "aaaaUUUUUU", stopped: "UUUU", created: 0),
        // Scaling down in mid-flight takes what availability allows.
        Case(desired: 2, surge: 1, unavailable: 0, pods: "aaaaU", stopped: "aa", created: 0),
    ]

    @Test(arguments: cases)
    func `rolling stops and makes exactly these`(_ test: Case) {
        let all = pods(test.pods)
        let plan = RolloutPlan.rolling(
            all, limits(test.desired, .count(test.surge), .count(test.unavailable)))
        #expect(plan.stopped.map { String($0.pod.name.prefix(1)) }.joined() == test.stopped)
        #expect(plan.created == test.created)
        #expect(plan.restored == 0)
    }

    @Test func `a lost stable pod is made again before the new revision gets the room`() {
        let plan = RolloutPlan.rolling(pods("aaaU"), limits(4, .count(1), .count(0)), lostStable: 1)
        #expect(plan.restored == 1)
        #expect(plan.created == 0)
    }

    @Test func `a lost stable pod that availability does not need stays lost`() {
        let plan = RolloutPlan.rolling(pods("aaaA"), limits(4, .count(1), .count(0)), lostStable: 1)
        #expect(plan.restored == 0)
        #expect(plan.created == 1)
    }

    @Test(arguments: [("aa", 0, "aa", 0), ("", 1, "", 0), ("", 0, "", 2), ("AA", 0, "", 0), ("AAA", 0, "A", 0)])
    func `recreate makes nothing before the last old pod is gone`(
        text: String, stopping: Int, stopped: String, created: Int
    ) {
        let plan = RolloutPlan.recreate(pods(text), oldStopping: stopping, limits(2, .count(1), .count(0)))
        #expect(plan.stopped.map { String($0.pod.name.prefix(1)) }.joined() == stopped)
        #expect(plan.created == created)
    }

    @Test func `every mix of pods keeps both limits and never stops an available pod too many`() {
        for desired in 0...4 {
            for (surge, unavailable) in [(0, 0), (0, 1), (1, 0), (2, 1), (1, 9)] {
                let limits = limits(desired, .count(surge), .count(unavailable))
                for old in 0...5 {
                    for oldReady in 0...old {
                        for new in 0...5 {
                            for newReady in 0...new {
                                let text =
                                    String(repeating: "a", count: oldReady)
                                    + String(repeating: "u", count: old - oldReady)
                                    + String(repeating: "A", count: newReady)
                                    + String(repeating: "U", count: new - newReady)
                                let all = pods(text)
                                let plan = RolloutPlan.rolling(all, limits)
                                let kept = plan.kept(of: all)
                                #expect(kept.count + plan.created <= limits.maxTotal, "\(text) to \(desired)")
                                let before = oldReady + newReady
                                let after = kept.count(where: \.isAvailable)
                                #expect(after >= min(before, limits.minAvailable), "\(text) to \(desired)")
                                #expect(
                                    kept.count(where: \.isCurrent) + plan.created <= desired, "\(text) to \(desired)")
                            }
                        }
                    }
                }
            }
        }
    }
}

struct SacrificeTests {
    private func observed(_ name: String, _ change: (inout Pod) -> Void) -> ObservedPod {
        var pod = Pod {
            $0.metadata.name = name
            $0.metadata.creationTimestamp = start
            $0.spec.nodeName = name
            $0.status = .ready(since: start)
        }
        change(&pod)
        return ObservedPod(pod, current: nil, stable: "stable", minReady: .seconds(10), now: start + .seconds(60))
    }

    @Test func `pods are given up in the documented order`() {
        let ranked = [
            observed("unplaced") {
                $0.spec.nodeName = nil
                $0.status = PodStatus { $0.phase = "Pending" }
            },
            observed("pending") { $0.status = PodStatus { $0.phase = "Pending" } },
            observed("unready") { $0.status = PodStatus { $0.phase = "Running" } },
            observed("too-fresh") { $0.status = .ready(since: start + .seconds(55)) },
            observed("crowded-1") { $0.spec.nodeName = "crowd" },
            observed("crowded-2") { $0.spec.nodeName = "crowd" },
            observed("ready-later") { $0.status = .ready(since: start + .seconds(20)) },
            observed("restarted") { $0.status?.containerStatuses = [ContainerStatus { $0.restartCount = 3 }] },
            observed("younger") { $0.metadata.creationTimestamp = start + .seconds(1) },
            observed("a") { _ in },
            observed("b") { _ in },
            observed("stable") {
                $0.metadata.ownerReferences = [
                    OwnerReference {
                        $0.name = "stable"
                        $0.controller = true
                    }
                ]
            },
        ]
        let names = ranked.map(\.pod.name)
        var random = SplitMix64(seed: 7)
        for _ in 0..<20 {
            #expect(ranked.shuffled(using: &random).inOrderOfSacrifice().map(\.pod.name) == names)
        }
    }
}
