import ContainerRuntime
import Model
import Store

/// 25: what was deleted does not come back.
final class ResurrectionChecker: Checker {
    let number = 25
    let name = "nothing deleted comes back"
    private var dead: [String: JSONValue] = [:]
    private var known: Set<String> = []

    func check(_ observation: Observation, _ history: History) -> String? {
        switch observation {
        case .committed(let commit):
            for event in commit.events where event.object.key.type != .event {
                let uid = event.object.uid
                let birth = event.object.document["metadata"]?["creationTimestamp"] ?? .null
                if event.change == .deleted { dead["\(event.object.key) \(uid)"] = birth }
                if event.change == .added, dead["\(event.object.key) \(uid)"] == birth {
                    return "\(event.object.key) with uid \(uid) was deleted, and is there again"
                }
                if event.object.key.type == .pod { known.insert(uid) }
            }
        case .started(let node, let uid, let container, _) where !known.contains(uid):
            return "\(node) started \(container) for pod \(uid), which never existed"
        default: break
        }
        return nil
    }
}

/// 26: an identity is given once, and nobody takes one pod's containers for another's.
final class IdentityChecker: Checker {
    let number = 26
    let name = "identities are given once"
    private var owners: [String: ObjectKey] = [:]

    func check(_ observation: Observation, _ history: History) -> String? {
        guard case .committed(let commit) = observation else { return nil }
        for event in commit.events where event.object.key.type != .event && event.change != .deleted {
            let (key, uid) = (event.object.key, event.object.uid)
            if event.change == .added {
                if let owner = owners[uid] { return "\(key) was given the uid \(uid), which \(owner) had" }
                owners[uid] = key
            } else if let previous = event.previous, previous.uid != uid {
                return "\(key) changed its uid from \(previous.uid) to \(uid)"
            }
            for status in event.object.document["status"]?["containerStatuses"]?.array ?? [] {
                guard let id = status["containerID"]?.string, !id.hasPrefix("martlet://\(uid)/") else { continue }
                return "\(key) with uid \(uid) reports the container \(id)"
            }
        }
        return nil
    }
}

/// 27: doing something twice is the same as doing it once.
final class IdempotenceChecker: Checker {
    let number = 27
    let name = "repetition changes nothing"

    func check(_ observation: Observation, _ history: History) -> String? {
        switch observation {
        case .repeated(let node, let action, let before, let after) where before != after:
            return "\(node) performed \(action) twice: first [\(before)], then [\(after)]"
        case .resent(let request, let revisions) where revisions > 0:
            return "\(request) was carried out twice, and the second time wrote \(revisions) revisions"
        default: return nil
        }
    }
}

/// 28: a command about an identity or a version that is gone is refused.
final class StaleCommandChecker: Checker {
    let number = 28
    let name = "stale commands are refused"

    func check(_ observation: Observation, _ history: History) -> String? {
        guard case .answered(let answer) = observation, let body = answer.body, let key = answer.key else { return nil }
        let wanted = body["metadata"]?["uid"]?.string ?? body["preconditions"]?["uid"]?.string
        if let wanted, wanted != answer.before?.uid {
            return
                "\(answer.client): \(answer.method) of \(key) was meant for uid \(wanted) and reached \(answer.before?.uid ?? "nothing")"
        }
        guard let version = body["metadata"]?["resourceVersion"]?.string,
            version != answer.before.map({ String($0.revision) })
        else { return nil }
        return "\(answer.client): \(key) was replaced by what was made from version \(version)"
    }
}

/// 44: nothing that waits grows without bound.
final class BoundChecker: Checker {
    let number = 44
    let name = "queues are bounded"

    func check(_ observation: Observation, _ history: History) -> String? {
        guard case .queued(let what, let count, let limit) = observation, count > limit else { return nil }
        return "\(count) \(what) wait, and \(limit) are allowed"
    }

    func finish(_ world: World) -> String? {
        let events = world.history.objects(of: .event).count
        return events > 10_000 ? "\(events) events are stored" : nil
    }
}

/// 22: a machine has what its pods need, and nothing else.
final class LedgerChecker: Checker {
    let number = 22
    let name = "nothing is left behind on a machine"

    func finish(_ world: World) -> String? {
        for machine in world.machines {
            let pods = world.history.objects(of: .pod).filter {
                $0.document["spec"]?["nodeName"]?.string == machine.name
            }
            for uid in machine.kernel.podUIDs {
                let text = machine.kernel.pods[uid]?.text ?? ""
                guard let pod = pods.first(where: { $0.uid == uid }) else {
                    return "\(machine.name) has \(text) of pod \(uid), which does not exist"
                }
                if let message = Self.excess(machine.kernel.pods[uid], pod.document) {
                    return "\(machine.name), \(pod.key): \(message): \(text)"
                }
            }
        }
        return nil
    }

    private static func excess(_ possessions: Kernel.Possessions?, _ pod: JSONValue) -> String? {
        guard let possessions else { return nil }
        let names = (pod["spec"]?["containers"]?.array ?? []).compactMap { $0["name"]?.string }
        for name in names {
            let runs = possessions.processes.filter { $0.observation.name == name }
            if runs.count(where: \.isRunning) > 1 { return "\(name) runs more than once" }
            if runs.count > 3 { return "\(runs.count) attempts of \(name) are kept" }
        }
        let volumes = (pod["spec"]?["volumes"]?.array ?? []).compactMap { $0["name"]?.string } + [".etc"]
        let others = (possessions.volumes + possessions.memoryVolumes).filter { !volumes.contains($0) }
        return others.first.map { "volume \($0) belongs to nothing" }
    }
}
