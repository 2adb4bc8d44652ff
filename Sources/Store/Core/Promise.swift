import Threads

/// A value that one thread waits for and another provides.
final class Promise<Value: Sendable>: Sendable {
    private let value = Monitor<Value?>(nil)

    /// Provides the value; once.
    func fulfil(_ value: Value) { self.value.change { $0 = value } }

    /// Waits for the value.
    func wait() -> Value {
        while true {
            if let value = value.wait({ $0 }) { return value }
        }
    }
}
