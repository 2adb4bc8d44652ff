import APIServer

/// The API asks for the same identities in its own words.
extension SimulatedIDs: IDSource {
    func suffix(length: Int) -> String { suffix(length) }
}
