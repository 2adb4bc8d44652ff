/// Makes identities. The only source of chance that decisions have, and it is an argument.
public protocol IDSource: Sendable {
    /// A new `metadata.uid`.
    func uid() -> String
    /// So many lower-case characters for the end of a name, from `Fingerprint.alphabet`.
    func suffix(_ length: Int) -> String
}
