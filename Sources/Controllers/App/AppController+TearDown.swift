import Model

extension AppController {
    /// Deletes an App's pods, then its revisions, then lets go of the App.
    static func tearDown(_ snapshot: AppSnapshot, now: Timestamp) -> [Action] {
        let app = snapshot.app
        var actions: [Action] = []
        var leaving = 0
        for pod in snapshot.pods {
            let isLost = pod.spec.nodeName.map { !snapshot.nodeNames.contains($0) } ?? true
            if pod.isTerminating, !isLost || !pod.metadata.finalizers.isEmpty {
                leaving += 1
                continue
            }
            let action = pod.stop(now: now, nodeNames: snapshot.nodeNames)
            if case .remove = action {} else { leaving += 1 }
            actions.append(action)
        }
        guard leaving > 0 else {
            actions += snapshot.revisions.map { .remove($0.key) }
            let left = app.metadata.finalizers.filter { $0 != WellKnown.appFinalizer }
            if left != app.metadata.finalizers { actions.append(.setFinalizers(app.key, left)) }
            return actions
        }
        var status = app.status ?? AppStatus()
        let message = "the App is being deleted; waiting for \(leaving.of("pod")) to stop"
        (status.replicas, status.updatedReplicas, status.readyReplicas, status.availableReplicas) = (0, 0, 0, 0)
        status.conditions.set(
            Condition("Progressing", false, reason: "Deleting", message: message, generation: app.metadata.generation),
            now: now.wholeSeconds)
        if status != app.status { actions.append(.setAppStatus(app.key, status)) }
        if app.status?.conditions["Progressing"]?.reason != "Deleting" {
            actions.append(
                .event(EventNote(app, reason: "Deleting", message: "stopping \(leaving.of("pod"))")))
        }
        return actions
    }
}
