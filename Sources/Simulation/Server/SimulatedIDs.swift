import Controllers

/// Identities that follow from the seed.
///
/// `@unchecked Sendable`: a simulation has one thread.
final class SimulatedIDs: IDSource, @unchecked Sendable {
    private unowned let world: World

    init(_ world: World) { self.world = world }

    func uid() -> String {
        world.draw("ids") { random in
            if world.sabotage == .reusedUIDs, random.below(10) == 0 { return "0000" }
            let text = String(random.next(), radix: 16)
            return String(repeating: "0", count: 16 - text.count) + text
        }
    }

    func suffix(_ length: Int) -> String {
        world.draw("ids") { random in String((0..<length).map { _ in random.pick(Fingerprint.alphabet) }) }
    }
}
