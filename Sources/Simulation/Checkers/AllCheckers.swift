/// A checker of every invariant that simulations watch over. 4 and 5, which are about the whole cluster's coming to rest, are in
/// `Convergence` and `Simulation`.
func allCheckers() -> [any Checker] {
    [
        DurabilityChecker(), LinearizabilityChecker(), WatchChecker(), ReplicaChecker(), MonotoneChecker(),
        ResourceChecker(),
        LedgerChecker(), ResurrectionChecker(), IdentityChecker(), IdempotenceChecker(), StaleCommandChecker(),
        BoundChecker(),
        CascadeChecker(), ReferenceChecker(),
    ]
}
