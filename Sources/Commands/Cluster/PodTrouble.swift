import Model

/// Why a pod is not ready, in one line.
struct PodTrouble {
    let text: String

    /// Looks for the reason: not placed, failed as a whole, a container that waits or ended, else what its condition says.
    init(_ pod: Pod) {
        let status = pod.status ?? PodStatus()
        let scheduled = status.conditions["PodScheduled"]
        if pod.metadata.deletionTimestamp != nil {
            text = Self.joined("is being stopped", status.reason, status.message)
        } else if scheduled?.status == "False" {
            text = Self.joined(scheduled?.reason, scheduled?.message)
        } else if status.reason != nil || status.message != nil {
            text = Self.joined(status.reason, status.message)
        } else if let container = Self.container(of: status) {
            text = container
        } else {
            text = Self.joined(status.conditions["Ready"]?.message) ?? "waiting for the agent"
        }
    }

    /// The first container that waits, or that ended and has not started again.
    private static func container(of status: PodStatus) -> String? {
        let ended = status.initContainerStatuses.filter { $0.state?.terminated?.exitCode != 0 }
        for status in ended + status.containerStatuses {
            if let waiting = status.state?.waiting {
                let last = status.lastState?.terminated.map { "last exit code \($0.exitCode)" }
                return joined(status.name, waiting.reason ?? "waiting", waiting.message ?? last)
            }
            if let end = status.state?.terminated {
                return joined(status.name, "ended with exit code \(end.exitCode)", end.message)
            }
        }
        return nil
    }

    private static func joined(_ parts: String?...) -> String {
        parts.compactMap { $0 }.filter { !$0.isEmpty }.joined(separator: ": ")
    }

    private static func joined(_ part: String?) -> String? { part.flatMap { $0.isEmpty ? nil : $0 } }
}
