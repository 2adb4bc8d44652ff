import Model

/// A sequence of numbers that follows from a seed: xoshiro256** (Blackman and Vigna, 2018), filled by SplitMix64.
///
/// Every part of a simulation has a stream of its own, so that leaving one part out does not change what the others draw.
struct SeededRandom: RandomNumberGenerator {
    private var state: (UInt64, UInt64, UInt64, UInt64)

    /// Makes the stream of a name.
    init(seed: UInt64, stream: String) {
        // The seed is spread over all bits first: seeds and names differ in few low bits, and would cancel each other.
        let start = (seed &* 0x9e37_79b9_7f4a_7c15) ^ 0xcbf2_9ce4_8422_2325
        var mixed = stream.utf8.reduce(start) { ($0 ^ UInt64($1)) &* 0x0000_0100_0000_01b3 }
        func next() -> UInt64 {
            mixed &+= 0x9e37_79b9_7f4a_7c15
            var z = mixed
            z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
            z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
            return z ^ (z >> 31)
        }
        state = (next(), next(), next(), next())
    }

    /// The next 64 bits.
    mutating func next() -> UInt64 {
        func rotated(_ value: UInt64, _ count: UInt64) -> UInt64 { (value << count) | (value >> (64 - count)) }
        let result = rotated(state.1 &* 5, 7) &* 9
        let shifted = state.1 << 17
        state.2 ^= state.0
        state.3 ^= state.1
        state.1 ^= state.2
        state.0 ^= state.3
        state.2 ^= shifted
        state.3 = rotated(state.3, 45)
        return result
    }

    /// A number from 0 on, below a bound.
    mutating func below(_ bound: Int) -> Int { bound <= 1 ? 0 : Int.random(in: 0..<bound, using: &self) }

    /// True in so many of a thousand cases.
    mutating func chance(_ permille: Int) -> Bool { permille > 0 && below(1000) < permille }

    /// One of the elements, which must not be empty.
    mutating func pick<Element>(_ elements: [Element]) -> Element { elements[below(elements.count)] }

    /// A length of time between two.
    mutating func span(_ range: ClosedRange<TimeSpan>) -> TimeSpan {
        TimeSpan(
            nanoseconds: Int64.random(in: range.lowerBound.nanoseconds...range.upperBound.nanoseconds, using: &self))
    }

    /// A length of time whose mean is given: short ones are frequent, none is longer than four times the mean.
    mutating func span(mean: TimeSpan) -> TimeSpan {
        let first = span(.zero...(mean * 2))
        return below(4) == 0 ? first + span(.zero...(mean * 2)) : first
    }
}
