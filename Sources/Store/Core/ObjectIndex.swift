import Model

/// Every object of the store by key, in key order.
///
/// A value: a copy costs nothing until one of the two changes, and then only the touched leaf and the list of leaves
/// are copied. So the writer stages a whole batch on a copy of what readers see, and readers walk theirs unlocked.
struct ObjectIndex: Sendable {
    private var shelves: [ResourceType: Shelf] = [:]

    /// The object under a key.
    subscript(key: ObjectKey) -> StoredObject? { shelves[key.type]?.object(key.namespace, key.name) }

    /// Puts an object under its key, in the place of any that is there.
    mutating func put(_ object: StoredObject) { shelves[object.key.type, default: Shelf()].put(object) }

    /// Removes the object under a key, if there is one.
    mutating func remove(_ key: ObjectKey) { shelves[key.type]?.remove(key.namespace, key.name) }

    /// The objects in a scope, in key order.
    func objects(in scope: StoreScope) -> [StoredObject] {
        guard let type = scope.type else {
            return shelves.keys.sorted(by: Self.precedes).flatMap { objects(of: $0, in: scope) }
        }
        return objects(of: type, in: scope)
    }

    private func objects(of type: ResourceType, in scope: StoreScope) -> [StoredObject] {
        guard let shelf = shelves[type] else { return [] }
        switch (scope.namespace, scope.name) {
        case (nil, nil): return shelf.objects
        case (nil, let name?): return shelf.objects.filter { $0.key.name == name }
        case (let namespace?, nil): return shelf.objects(in: namespace)
        case (let namespace?, let name?): return shelf.object(namespace, name).map { [$0] } ?? []
        }
    }

    private static func precedes(_ left: ResourceType, _ right: ResourceType) -> Bool {
        (left.qualifiedName, left.version) < (right.qualifiedName, right.version)
    }
}
