import Failpoints
import Model
import Store
import Wire

/// What a write comes to, worked out from what is stored now.
enum MutationPlan: Sendable {
    /// Nothing is written.
    case reply(JSONValue, code: Int)
    /// One transaction; the answer is made from what it did.
    case commit(StoreTransaction, code: Int, answer: @Sendable (StoreCommit) -> JSONValue)
}

extension APIServer {
    /// How often a plan is made again because what it was made from has changed meanwhile.
    private static let maximumAttempts = 16

    /// Plans, commits and answers. When somebody else was faster the plan is made again from what is stored then:
    /// whatever the client wanted to hold is part of the plan, which throws when it does not.
    func mutate(
        _ exchange: Exchange, attempt: Int = 1, plan: @escaping @Sendable () throws(APIStatus) -> MutationPlan
    ) {
        let planned: MutationPlan
        do throws(APIStatus) {
            planned = try plan()
        } catch {
            return exchange.fail(error)
        }
        switch planned {
        case .reply(let document, let code): exchange.reply(document, code: code)
        case .commit(let transaction, let code, let answer):
            store.submit(transaction) { [self] result in
                failpoint(.answering)
                switch result {
                case .success(let commit): exchange.reply(answer(commit), code: code)
                case .failure(.conflict) where attempt < Self.maximumAttempts:
                    mutate(exchange, attempt: attempt + 1, plan: plan)
                case .failure(let error): exchange.fail(Self.status(error))
                }
            }
        }
    }

    /// How a store's error is told to a client.
    static func status(_ error: StoreError) -> APIStatus {
        switch error {
        case .conflict(let precondition):
            switch precondition {
            case .absent(let key), .revision(let key, _), .uid(let key, _), .present(let key):
                return .conflict(key.type, key.name, "it changes too often; try again")
            }
        case .expired(let oldest): return .expired("too old resource version: the oldest known is \(oldest)")
        case .futureRevision(let current):
            return .expired("too large resource version: the current one is \(current)")
        case .full(let message): return .insufficientStorage("the store is full: \(message)")
        case .failed(let message): return .internalError("the store failed: \(message)")
        case .corrupt(let message): return .internalError("the store is damaged: \(message)")
        case .closed: return .unavailable("the server is stopping")
        }
    }
}
