/// What may go wrong.
public enum FaultKind: String, CaseIterable, Sendable {
    case serverCrash = "server-crash"
    case crashBefore = "crash-before-write"
    case crashAfter = "crash-after-write"
    case syncFailure = "sync-failure"
    case diskFull = "disk-full"
    case diskSlow = "disk-slow"
    case staleReads = "stale-reads"
    case smallInbox = "small-inbox"
    case requestLoss = "request-loss"
    case replyLoss = "reply-loss"
    case duplicate = "duplicate"
    case late = "late"
    case delay = "delay"
    case partition = "partition"
    case watchBreak = "watch-break"
    case watchSilence = "watch-silence"
    case slowWatcher = "slow-watcher"
    case agentCrash = "agent-crash"
    case crashInAction = "crash-in-action"
    case agentStall = "agent-stall"
    case reboot = "reboot"
    case supervisorLoss = "supervisor-loss"
    case actionFailure = "action-failure"
    case repeatedAction = "repeated-action"
    case slowActions = "slow-actions"
    case registry = "registry"
    case clockJump = "clock-jump"
}

/// One row of the table of faults: what it is, and how strong it may be. Each seed draws one value of each row.
public struct FaultRow: Sendable {
    /// The fault.
    public let kind: FaultKind
    /// What the values count.
    public let unit: String
    /// The values that a seed draws from; 0 is none at all.
    public let values: [Int]
    /// What happens.
    public let help: String
}

/// Every fault, and from what values its strength is drawn.
public enum FaultTable {
    /// The rows, in the order in which they are drawn.
    public static let rows: [FaultRow] = [
        row(.serverCrash, "mean seconds", [0, 0, 300, 90, 30], "the server is killed and comes back later"),
        row(.crashBefore, "of 1000 writes", [0, 0, 1, 5, 20], "the server is killed before a write is durable"),
        row(.crashAfter, "of 1000 writes", [0, 0, 1, 5, 20], "the server is killed after a write, before its answer"),
        row(.syncFailure, "of 1000 writes", [0, 0, 0, 1, 5], "an fsync fails: nobody knows what is on the disk"),
        row(.diskFull, "mean seconds", [0, 0, 0, 240, 60], "the disk is full for a while"),
        row(.diskSlow, "mean seconds", [0, 0, 120, 30], "a write takes up to ten seconds"),
        row(.staleReads, "revisions", [0, 0, 1, 3, 10, 50], "the control plane sees the store so far back"),
        row(.smallInbox, "changes", [0, 0, 0, 8, 64], "the control plane hears no more than so many changes at once"),
        row(.requestLoss, "of 1000 requests", [0, 0, 10, 100, 300], "a request does not arrive"),
        row(.replyLoss, "of 1000 requests", [0, 0, 10, 100, 300], "a request is carried out and its answer is lost"),
        row(.duplicate, "of 1000 requests", [0, 0, 10, 100, 500], "a request arrives a second time, later"),
        row(.late, "of 1000 requests", [0, 0, 10, 100], "a request arrives after its client has given up"),
        row(.delay, "milliseconds", [0, 0, 20, 300, 5000], "messages take up to so long, and overtake each other"),
        row(.partition, "mean seconds", [0, 0, 120, 30], "a node cannot reach the server for a while"),
        row(.watchBreak, "mean seconds", [0, 0, 120, 20], "a watch breaks"),
        row(
            .watchSilence, "mean seconds", [0, 0, 0, 180, 60],
            "a watch says nothing any more, and breaks a minute later"),
        row(.slowWatcher, "events a second", [0, 0, 0, 1, 20], "some watchers read no faster than this"),
        row(.agentCrash, "mean seconds", [0, 0, 180, 40], "an agent is killed and comes back later"),
        row(
            .crashInAction, "of 1000 steps", [0, 0, 1, 5, 20], "an agent is killed before or after a step of an action"),
        row(.agentStall, "mean seconds", [0, 0, 120, 30], "an agent stands still for up to a minute"),
        row(.reboot, "mean seconds", [0, 0, 0, 300, 120], "a machine is switched off and on"),
        row(.supervisorLoss, "mean seconds", [0, 0, 0, 200, 60], "the supervisor of a pod is killed"),
        row(.actionFailure, "of 1000 steps", [0, 0, 5, 50], "a step of an action fails"),
        row(.repeatedAction, "of 1000 actions", [0, 20, 100], "an action is performed twice"),
        row(.slowActions, "milliseconds", [0, 50, 500, 5000], "actions take up to so long"),
        row(.registry, "of 1000 lookups", [0, 0, 50, 300], "the digest of an image cannot be found now"),
        row(.clockJump, "mean seconds", [0, 0, 0, 300, 60], "a wall clock jumps by up to a day"),
    ]

    private static func row(_ kind: FaultKind, _ unit: String, _ values: [Int], _ help: String) -> FaultRow {
        FaultRow(kind: kind, unit: unit, values: values, help: help)
    }

    /// The table as text, for people.
    public static var text: String {
        rows.map { row in
            func padded(_ text: String, _ width: Int) -> String {
                text + String(repeating: " ", count: max(0, width - text.count))
            }
            var values: [Int] = []
            for value in row.values where !values.contains(value) { values.append(value) }
            return "  " + padded(row.kind.rawValue, 20) + padded(values.map(String.init).joined(separator: " "), 16)
                + padded(row.unit, 18) + row.help
        }.joined(separator: "\n")
    }
}
