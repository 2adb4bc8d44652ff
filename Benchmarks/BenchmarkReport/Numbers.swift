/// The middle of the values, or the mean of the two in the middle; nil of none.
public func median(_ values: [Double]) -> Double? {
    guard !values.isEmpty else { return nil }
    let sorted = values.sorted()
    let middle = sorted.count / 2
    return sorted.count % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
}

/// The smallest value that at least this part of the values do not exceed (nearest rank); nil of none.
///
/// - Parameter part: from 0 to 1: 0.99 for the 99th percentile.
public func percentile(_ values: [Double], _ part: Double) -> Double? {
    guard !values.isEmpty else { return nil }
    let sorted = values.sorted()
    let rank = (part * Double(sorted.count)).rounded(.up)
    return sorted[min(sorted.count, max(1, Int(rank))) - 1]
}

/// A number with so many significant digits.
func significant(_ value: Double, digits: Int) -> Double {
    guard value != 0, value.isFinite else { return value }
    var scale = 1.0
    let limit = power(digits - 1)
    while value.magnitude * scale < limit { scale *= 10 }
    while value.magnitude * scale >= limit * 10 { scale /= 10 }
    return (value * scale).rounded() / scale
}

private func power(_ exponent: Int) -> Double { (0..<max(0, exponent)).reduce(1.0) { result, _ in result * 10 } }

/// A number for people: three significant digits, no exponent, and thousands apart from 10 000 on.
func readable(_ value: Double) -> String {
    let short = significant(value, digits: 3)
    guard short.magnitude < 1e15 else { return "\(short)" }
    guard short.magnitude >= 100 || short == short.rounded() else { return "\(short)" }
    let digits = String(Int64(short))
    guard short.magnitude >= 10_000 else { return digits }
    return digits.reversed().enumerated().reduce("") { text, next in
        let isBorder = next.offset > 0 && next.offset % 3 == 0 && next.element != "-"
        return "\(next.element)\(isBorder ? " " : "")\(text)"
    }
}
