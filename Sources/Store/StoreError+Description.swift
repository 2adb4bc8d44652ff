import Model

extension StoreError: CustomStringConvertible {
    /// The refusal as one line for people.
    public var description: String {
        switch self {
        case .conflict(.absent(let key)): "\(key) already exists"
        case .conflict(.present(let key)): "\(key) not found"
        case .conflict(.revision(let key, let revision)): "\(key) is no longer at revision \(revision)"
        case .conflict(.uid(let key, let uid)): "\(key) is no longer the object with the uid \(uid)"
        case .expired(let oldest): "the history before revision \(oldest) is gone: list again"
        case .futureRevision(let current): "the revision lies in the future: the store is at \(current)"
        case .full(let message), .failed(let message), .corrupt(let message): message
        case .closed: "the store is closed"
        }
    }
}
