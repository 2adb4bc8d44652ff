import Glibc
import Testing

/// The real programs on the real kernel, from a manifest to what is left after the end. One test at a time: they share one
/// Martlet, unless they end it.
@Suite(
    .serialized, .enabled(if: geteuid() == 0, "launching containers needs root"), SharedCluster(),
    .timeLimit(.minutes(10)))
struct EndToEnd {}

/// Starts the Martlet that the tests share before the first of them, and ends it after the last.
struct SharedCluster: SuiteTrait, TestScoping {
    @TaskLocal static var current: Cluster?

    func provideScope(
        for test: Test, testCase: Test.Case?, performing function: @Sendable () async throws -> Void
    ) async throws {
        let cluster = try Cluster()
        let result: (any Error)?
        do {
            try await SharedCluster.$current.withValue(cluster, operation: function)
            result = nil
        } catch {
            result = error
        }
        let left = try cluster.cleanUp()
        #expect(left.isEmpty, "nothing is left on the machine")
        if let result { throw result }
    }
}

extension EndToEnd {
    /// The Martlet that the tests share.
    static func cluster() throws -> Cluster { try #require(SharedCluster.current) }
}
