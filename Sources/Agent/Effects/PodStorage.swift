import ContainerRuntime
import Model

/// The volumes and logs of pods. Every method is idempotent; calls for one pod are made one at a time.
package protocol PodVolumes: Sendable {
    /// Makes every volume of a pod.
    func prepare(_ pod: Pod, settings: PodSettings) throws
    /// Writes the files of `/etc` that the pod's name and address decide.
    func writeNames(_ pod: Pod, address: String) throws
    /// The mounts of a container. `rootID` is the id that the pod's root has on the node, where it is not the node's.
    func mounts(for container: Container, of pod: Pod, rootID: UInt32?) throws -> [ContainerMount]
    /// Removes every volume of a pod.
    func remove(podUID: String) throws
    /// Removes the log of one attempt of a container.
    func removeLog(podUID: String, container: String, attempt: Int) throws
    /// Removes every log of a pod.
    func removeLogs(podUID: String) throws
    /// The pods that have volumes or logs here.
    func podsWithRemains() -> Set<String>
}

/// Copies of desired pods, by which a restarted agent knows its pods before it has reached a server.
package protocol PodCopyStore: Sendable {
    /// Writes a pod's copy, durably.
    func save(_ pod: Pod) throws
    /// Removes a pod's copy.
    func remove(_ uid: String) throws
    /// Every pod that has a copy.
    func load() -> [Pod]
}
