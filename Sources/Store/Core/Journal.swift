/// Where the engine makes commits durable. Only the draining thread calls it, one call at a time.
package protocol Journal: AnyObject, Sendable {
    /// Makes commits durable, all or none, and with them the loss of the oldest history.
    ///
    /// - Parameter forgetting: the oldest commits of the history, whose replaced objects need not be kept any longer.
    /// - Throws: `.full` when nothing was written and later calls may succeed; `.failed` when nobody knows what
    ///   is on the disk, after which only `close` is called.
    func append(_ commits: [StoreCommit], forgetting: [StoreCommit]) throws(StoreError)

    /// Does what housekeeping is due; called after the outcome of an `append` was told.
    ///
    /// - Throws: as `append` does; what was appended is durable all the same.
    func tidy() throws(StoreError)

    /// Lets go of the files.
    func close()
}
