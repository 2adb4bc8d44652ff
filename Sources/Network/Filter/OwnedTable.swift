import Glibc
import Linux
import Synchronization

/// One table of the packet filter that is ours alone, and what it has to be.
final class OwnedTable: Sendable {
    private struct State {
        /// The commands that make the table, when it was put in place last; nil before.
        var text: String?
        /// How the kernel showed the table then.
        var listing = ""
        /// The generation of the packet filter at which the table was last seen to be right.
        var generation: UInt32?
    }

    /// Its name; the family is `inet`.
    let name: String
    private let filter: PacketFilter
    private let state = Mutex(State())

    init(name: String, filter: PacketFilter) {
        self.name = name
        self.filter = filter
    }

    /// Puts the table in place, unless it was put there just so before.
    ///
    /// - Returns: Whether anything was changed.
    @discardableResult
    func set(_ text: String) throws(LinuxError) -> Bool {
        try change { (state: inout State) throws(LinuxError) in
            if state.text == text { return false }
            try replace(&state, text)
            return true
        }
    }

    /// Puts the table back if somebody changed it or took it away.
    ///
    /// - Returns: Whether that was so.
    @discardableResult
    func repair() throws(LinuxError) -> Bool {
        try change { (state: inout State) throws(LinuxError) in
            guard let text = state.text else { return false }
            let generation = try filter.generation()
            if generation == state.generation { return false }
            if try listing() == state.listing {
                state.generation = generation
                return false
            }
            try replace(&state, text)
            return true
        }
    }

    /// Takes the table away; nothing happens when it is not there.
    func remove() throws(LinuxError) {
        _ = try change { (state: inout State) throws(LinuxError) in
            state = State()
            try filter.run("table inet \(name)\ndelete table inet \(name)\n")
            return true
        }
    }

    private func replace(_ state: inout State, _ text: String) throws(LinuxError) {
        // Nothing is known of the table when this fails half way: it is then put in place again next time.
        state = State()
        try filter.run(text)
        // Read before the listing: a change between the two shows when the generation is compared.
        let generation = try filter.generation()
        state = State(text: text, listing: try listing(), generation: generation)
    }

    /// How the kernel shows the table; empty when there is none.
    private func listing() throws(LinuxError) -> String {
        do {
            return try filter.run("list table inet \(name)")
        } catch let error where error.errno == ENOENT {
            return ""
        }
    }

    private func change(_ body: (inout State) throws(LinuxError) -> Bool) throws(LinuxError) -> Bool {
        let result = state.withLock { state in Result { () throws(LinuxError) in try body(&state) } }
        return try result.get()
    }
}
