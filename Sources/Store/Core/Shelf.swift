import Model

/// The objects of one type, sorted by namespace and name, in leaves of bounded size: a B+ tree of two levels.
struct Shelf: Sendable {
    /// How many objects a leaf may hold: a write copies one leaf.
    static let leafLimit = 256
    /// Never empty ones, in order.
    private var leaves: [[StoredObject]] = []

    private struct Place {
        var leaf: Int
        var slot: Int
        var isTaken: Bool
    }

    /// All objects, in order.
    var objects: [StoredObject] { Array(leaves.joined()) }

    /// The objects of one namespace, in order, found without a look at the others.
    func objects(in namespace: String) -> [StoredObject] {
        guard !leaves.isEmpty else { return [] }
        let start = place(namespace, "")
        var found: [StoredObject] = []
        var slot = start.slot
        for leaf in start.leaf..<leaves.count {
            for object in leaves[leaf][slot...] {
                guard object.key.namespace == namespace else { return found }
                found.append(object)
            }
            slot = 0
        }
        return found
    }

    func object(_ namespace: String, _ name: String) -> StoredObject? {
        guard !leaves.isEmpty else { return nil }
        let place = place(namespace, name)
        return place.isTaken ? leaves[place.leaf][place.slot] : nil
    }

    mutating func put(_ object: StoredObject) {
        guard !leaves.isEmpty else {
            leaves = [[object]]
            return
        }
        let place = place(object.key.namespace, object.key.name)
        guard !place.isTaken else {
            leaves[place.leaf][place.slot] = object
            return
        }
        leaves[place.leaf].insert(object, at: place.slot)
        if leaves[place.leaf].count > Self.leafLimit { split(place.leaf) }
    }

    mutating func remove(_ namespace: String, _ name: String) {
        guard !leaves.isEmpty else { return }
        let place = place(namespace, name)
        guard place.isTaken else { return }
        leaves[place.leaf].remove(at: place.slot)
        if leaves[place.leaf].isEmpty { leaves.remove(at: place.leaf) }
    }

    private mutating func split(_ leaf: Int) {
        let middle = leaves[leaf].count / 2
        let upper = Array(leaves[leaf][middle...])
        leaves[leaf].removeSubrange(middle...)
        leaves.insert(upper, at: leaf + 1)
    }

    /// Where the object is, or where it would go: in the last leaf that begins at or before it.
    private func place(_ namespace: String, _ name: String) -> Place {
        let after = Self.firstIndex(in: leaves.count) { Self.precedes(namespace, name, leaves[$0][0]) }
        let leaf = max(after - 1, 0)
        let objects = leaves[leaf]
        let slot = Self.firstIndex(in: objects.count) { !Self.precedes(objects[$0], namespace, name) }
        let isTaken = slot < objects.count && !Self.precedes(namespace, name, objects[slot])
        return Place(leaf: leaf, slot: slot, isTaken: isTaken)
    }

    /// The first index below `count` for which the predicate holds (it holds for all after it), or `count`.
    private static func firstIndex(in count: Int, where holds: (Int) -> Bool) -> Int {
        var (low, high) = (0, count)
        while low < high {
            let middle = (low + high) / 2
            if holds(middle) { high = middle } else { low = middle + 1 }
        }
        return low
    }

    private static func precedes(_ namespace: String, _ name: String, _ object: StoredObject) -> Bool {
        namespace == object.key.namespace ? name < object.key.name : namespace < object.key.namespace
    }

    private static func precedes(_ object: StoredObject, _ namespace: String, _ name: String) -> Bool {
        namespace == object.key.namespace ? object.key.name < name : object.key.namespace < namespace
    }
}
