import Controllers
import Model
import Store

/// 1: what was acknowledged is there after every restart, and nothing else.
final class DurabilityChecker: Checker {
    let number = 1
    let name = "acknowledged writes survive"

    func check(_ observation: Observation, _ history: History) -> String? {
        guard case .recovered(let revision, let objects) = observation else { return nil }
        guard revision >= history.acknowledged else {
            return "the server came back at revision \(revision), after \(history.acknowledged) was acknowledged"
        }
        let wanted = history.sorted.map { "\($0.key) at \($0.revision)" }
        let found = objects.sorted { $0.key < $1.key }.map { "\($0.key) at \($0.revision)" }
        guard revision != history.revision || wanted != found else { return nil }
        let difference = Set(wanted).symmetricDifference(found).sorted()
        return "the server came back at \(revision) and not at \(history.revision): \(difference.prefix(3))"
    }
}

/// 2: every answer shows the object as it was at some moment between question and answer.
final class LinearizabilityChecker: Checker {
    let number = 2
    let name = "answers are linearizable"

    func check(_ observation: Observation, _ history: History) -> String? {
        guard case .answered(let answer) = observation, !answer.document.isNull, let key = answer.key else {
            return nil
        }
        let versions = history.versions(of: key, from: answer.since, to: history.revision)
        if answer.status == 404, answer.document["details"]?["name"]?.string == key.name {
            guard !versions.contains(where: { $0 == nil }) else { return nil }
            return "\(answer.client) was told that \(key) does not exist, which was there since \(answer.since)"
        }
        guard answer.status < 300, answer.document["kind"]?.string != "Status",
            let text = answer.document["metadata"]?["resourceVersion"]?.string, let revision = StoreRevision(text)
        else { return nil }
        if versions.contains(where: { $0?.revision == revision }) { return nil }
        return "\(answer.client) was shown \(key) at \(revision), which was not its version since \(answer.since)"
    }
}

/// 8: pods are made only while there are fewer than the rollout's limits allow.
final class ReplicaChecker: Checker {
    let number = 8
    let name = "replicas stay within their limits"

    func check(_ observation: Observation, _ history: History) -> String? {
        guard case .committed(let commit) = observation else { return nil }
        var apps: [ObjectKey] = []
        for event in commit.events where event.change == .added && event.object.key.type == .pod {
            guard let app = Self.app(of: event.object, history), !apps.contains(app.key) else { continue }
            apps.append(app.key)
            if let message = Self.excess(app, history) { return message }
        }
        return nil
    }

    private static func app(of pod: StoredObject, _ history: History) -> StoredObject? {
        guard let name = pod.document["metadata"]?["labels"]?[WellKnown.appLabel]?.string else { return nil }
        return history.objects[ObjectKey(.app, namespace: pod.key.namespace, name: name)]
    }

    private static func excess(_ app: StoredObject, _ history: History) -> String? {
        guard let value: App = try? app.decoded() else { return nil }
        let revisions = history.objects(of: .revision).filter { $0.controllerUID == app.uid }.map(\.uid)
        let live = history.objects(of: .pod).filter { pod in
            revisions.contains(pod.controllerUID) && pod.document["metadata"]?["deletionTimestamp"] == nil
                && !["Failed", "Succeeded"].contains(pod.document["status"]?["phase"]?.string ?? "")
        }
        let desired = value.spec.replicas ?? 1
        let surge = (value.spec.rollout?.maxSurge ?? .percent(25)).roundedUp(of: desired)
        guard live.count > desired + surge else { return nil }
        return
            "\(app.key) has \(live.count) live pods right after some were made; \(desired) are wanted and \(surge) more allowed"
    }
}

/// 18: a pod's life goes one way, and on one node.
final class MonotoneChecker: Checker {
    let number = 18
    let name = "a pod's life goes one way"
    private static let phases = ["Pending": 0, "Running": 1, "Succeeded": 2, "Failed": 2]

    func check(_ observation: Observation, _ history: History) -> String? {
        guard case .committed(let commit) = observation else { return nil }
        for event in commit.events where event.object.key.type == .pod && event.change == .modified {
            guard let before = event.previous?.document else { continue }
            if let message = Self.compare(before, event.object.document) { return "\(event.object.key): \(message)" }
        }
        return nil
    }

    private static func compare(_ before: JSONValue, _ after: JSONValue) -> String? {
        let (old, new) = (before["status"]?["phase"]?.string ?? "", after["status"]?["phase"]?.string ?? "")
        if let rank = phases[old], phases[new] ?? 0 < rank || (rank == 2 && new != old) {
            return "its phase went from \(old) to \(new)"
        }
        let (node, next) = (before["spec"]?["nodeName"]?.string, after["spec"]?["nodeName"]?.string)
        if let node, next != node { return "it moved from \(node) to \(next ?? "none")" }
        let (mark, kept) = (before["metadata"]?["deletionTimestamp"], after["metadata"]?["deletionTimestamp"])
        if mark != nil, kept == nil { return "its deletion was taken back" }
        for status in after["status"]?["containerStatuses"]?.array ?? [] {
            let known = before["status"]?["containerStatuses"]?.array?.first { $0["name"] == status["name"] }
            let (count, earlier) = (status["restartCount"]?.integer ?? 0, known?["restartCount"]?.integer ?? 0)
            if count < earlier {
                return "the restarts of \(status["name"]?.string ?? "") went from \(earlier) to \(count)"
            }
        }
        return nil
    }
}

/// 19: the pods on a node never request more than it has.
final class ResourceChecker: Checker {
    let number = 19
    let name = "nodes are never overcommitted"

    func check(_ observation: Observation, _ history: History) -> String? {
        guard case .committed(let commit) = observation else { return nil }
        for event in commit.events where event.object.key.type == .pod && event.change != .deleted {
            guard let node = event.object.document["spec"]?["nodeName"]?.string,
                event.previous?.document["spec"]?["nodeName"] == nil
            else { continue }
            if let message = Self.excess(on: node, history) { return message }
        }
        return nil
    }

    private static func excess(on node: String, _ history: History) -> String? {
        guard let object = history.objects[ObjectKey(.node, namespace: "", name: node)] else {
            return "a pod was placed on \(node), which does not exist"
        }
        var demand = NodeDemand()
        for pod in history.objects(of: .pod) where pod.document["spec"]?["nodeName"]?.string == node {
            demand.add(pod.document)
        }
        guard let offered = (try? object.decoded(Node.self))?.status?.allocatable else { return nil }
        if demand.pods > offered["pods"]?.whole ?? 0 { return "\(node) has \(demand.pods) pods" }
        for (name, amount) in demand.amounts.sorted(by: { $0.key < $1.key }) {
            let whole = offered[name]?.thousandths ?? 0
            if amount > whole { return "the pods on \(node) request \(amount) of \(whole) thousandths of \(name)" }
        }
        return nil
    }
}

/// 47: a parent goes after its children.
final class CascadeChecker: Checker {
    let number = 47
    let name = "no child is left when its parent is gone"

    func check(_ observation: Observation, _ history: History) -> String? {
        guard case .committed(let commit) = observation else { return nil }
        for event in commit.events where event.change == .deleted {
            if let message = Self.orphan(of: event.object, history) { return message }
        }
        return nil
    }

    private static func orphan(of parent: StoredObject, _ history: History) -> String? {
        let children: [StoredObject]
        switch parent.key.type {
        case .namespace: children = history.sorted.filter { $0.key.namespace == parent.key.name }
        case .app: children = history.objects(of: .revision).filter { $0.controllerUID == parent.uid }
        default: return nil
        }
        return children.first.map { "\(parent.key) is gone, and \($0.key) is left" }
    }
}

/// 48: nothing that is stored refers to what is not.
final class ReferenceChecker: Checker {
    let number = 48
    let name = "no reference leads nowhere"

    func check(_ observation: Observation, _ history: History) -> String? {
        guard case .recovered(_, let objects) = observation else { return nil }
        return Self.fault(in: objects) { !$0.isPassing }
    }

    func finish(_ world: World) -> String? { Self.fault(in: world.history.sorted) { _ in true } }

    private static func fault(in objects: [StoredObject], where counts: (IntegrityFault) -> Bool) -> String? {
        Integrity.faults(in: objects.map { ($0.key, $0.document) }).first(where: counts)?.description
    }
}

extension StoredObject {
    /// The uid of the object's controller; empty where it has none.
    var controllerUID: String {
        let owners = document["metadata"]?["ownerReferences"]?.array ?? []
        return owners.first { $0["controller"]?.bool == true }?["uid"]?.string ?? ""
    }
}
