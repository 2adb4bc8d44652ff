import HTTP
import Store
import Wire

extension APIServer {
    /// `GET /snapshot`: everything that is stored, at one revision, for backups. Secrets are in it: for administrators.
    func serveSnapshot(_ identity: Identity, _ exchange: Exchange) throws(APIStatus) {
        guard exchange.request.method == "GET" else { throw .methodNotAllowed(exchange.request.method) }
        exchange.describe(verb: "get", resource: "snapshot")
        guard identity.groups.contains("system:masters") else {
            throw APIStatus(
                code: 403, reason: "Forbidden",
                message: "user \"\(identity.name)\" may not read everything at once: that is for administrators")
        }
        exchange.reply(StoreSnapshot(of: store).text, type: "application/json-seq")
    }
}
