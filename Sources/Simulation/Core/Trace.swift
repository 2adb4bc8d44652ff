import Model

/// What happened, event by event: a hash of all of it, and the text where somebody wants to read it.
struct Trace {
    /// FNV-1a over every event's time, kind and text.
    private(set) var hash: UInt64 = 0xcbf2_9ce4_8422_2325
    /// How many events there were.
    private(set) var count = 0
    /// The events as text; empty unless they are kept.
    private(set) var lines: [String] = []
    private let isKept: Bool

    init(isKept: Bool) { self.isKept = isKept }

    /// Adds an event.
    mutating func note(_ time: TimeSpan, _ kind: String, _ text: String) {
        count += 1
        mix(UInt64(bitPattern: time.nanoseconds))
        for byte in kind.utf8 { mix(UInt64(byte)) }
        for byte in text.utf8 { mix(UInt64(byte)) }
        guard isKept else { return }
        let milliseconds = time.wholeMilliseconds
        let digits = String(milliseconds % 1000)
        let stamp = "\(milliseconds / 1000)." + String(repeating: "0", count: 3 - digits.count) + digits
        lines.append(String(repeating: " ", count: max(0, 10 - stamp.count)) + stamp + "  \(kind)  \(text)")
    }

    private mutating func mix(_ value: UInt64) { hash = (hash ^ value) &* 0x0000_0100_0000_01b3 }
}
