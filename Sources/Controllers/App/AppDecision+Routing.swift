import Model

extension AppDecision {
    /// Takes the virtual address that the App can have, and gives back one that it needs no more.
    mutating func chooseAddress() {
        switch snapshot.address {
        case .none, .exhausted: status.virtualAddress = nil
        case .keep: break
        case .free(let address): status.virtualAddress = address.description
        }
        guard let condition = routedCondition else { return status.conditions.removeAll { $0.type == "Routed" } }
        if condition.status == "False", before.conditions["Routed"]?.message != condition.message {
            note(warning: true, condition.reason ?? "", condition.message ?? "")
        }
        status.conditions.set(condition, now: now.wholeSeconds)
    }

    /// Whether the App is reached as it asks; nil when it does not ask.
    private var routedCondition: Condition? {
        func condition(_ isSo: Bool, _ reason: String, _ message: String) -> Condition {
            Condition("Routed", isSo, reason: reason, message: message, generation: app.metadata.generation)
        }
        if case .exhausted(let range) = snapshot.address {
            return condition(
                false, "AddressesExhausted",
                "no virtual address of \(range) is free: start the server with a larger --service-cidr, or delete Apps")
        }
        if !snapshot.lostRoutes.isEmpty {
            let lost = snapshot.lostRoutes.map { "\($0.route) belongs to App \($0.owner.namespace)/\($0.owner.name)" }
            return condition(
                false, "RouteTaken", lost.joined(separator: ", ") + ", which is older: choose another host or path")
        }
        guard let address = status.virtualAddress else { return nil }
        return condition(true, "Routed", "reached under \(address)")
    }
}
