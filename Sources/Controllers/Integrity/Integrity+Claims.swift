public import Model

extension Integrity {
    /// Everything that is wrong with a snapshot: what objects say of each other, and what they claim for themselves.
    public static func allFaults(in objects: [(key: ObjectKey, document: JSONValue)]) -> [IntegrityFault] {
        (faults(in: objects) + sharedAddresses(objects) + strangeFinalizers(objects)).sorted { $0.key < $1.key }
    }

    /// Pods that live and have the same address.
    private static func sharedAddresses(_ objects: [(key: ObjectKey, document: JSONValue)]) -> [IntegrityFault] {
        var holders: [String: ObjectKey] = [:]
        return objects.filter { $0.key.type == .pod }.sorted { $0.key < $1.key }.compactMap { key, document in
            guard let address = document["status"]?["podIP"]?.string, !address.isEmpty,
                !["Failed", "Succeeded"].contains(document["status"]?["phase"]?.string ?? "")
            else { return nil }
            guard let holder = holders[address] else {
                holders[address] = key
                return nil
            }
            return IntegrityFault(
                key: key, kind: .address, message: "\(holder) has the same address \(address)", isPassing: false)
        }
    }

    /// Objects whose deletion waits for somebody that Martlet does not know.
    private static func strangeFinalizers(_ objects: [(key: ObjectKey, document: JSONValue)]) -> [IntegrityFault] {
        objects.compactMap { key, document in
            let metadata = document["metadata"]
            guard metadata?["deletionTimestamp"] != nil else { return nil }
            let known =
                key.type == .app ? WellKnown.appFinalizer : key.type == .namespace ? WellKnown.namespaceFinalizer : ""
            let strange = (metadata?["finalizers"]?.array ?? []).compactMap(\.string).filter { $0 != known }
            guard !strange.isEmpty else { return nil }
            return IntegrityFault(
                key: key, kind: .finalizer,
                message: "its deletion waits for \(strange.joined(separator: ", ")), which nothing in Martlet clears",
                isPassing: false)
        }
    }
}
