import HTTP
import Model
import Store
import Wire

extension APIServer {
    func serve(_ route: Route.Open, _ exchange: Exchange) throws(APIStatus) {
        guard ["GET", "HEAD"].contains(exchange.request.method) else {
            throw .methodNotAllowed(exchange.request.method)
        }
        switch route {
        case .health: exchange.reply(Array("ok".utf8), type: "text/plain; charset=utf-8")
        case .version: exchange.reply(Discovery.version)
        }
    }

    func serve(_ route: Route.Information, _ exchange: Exchange) throws(APIStatus) {
        guard ["GET", "HEAD"].contains(exchange.request.method) else {
            throw .methodNotAllowed(exchange.request.method)
        }
        switch route {
        case .metrics: try serveMetrics(exchange)
        case .coreVersions: discovery(exchange, plain: Discovery.coreVersions, core: true)
        case .groups: discovery(exchange, plain: Discovery.groups, core: false)
        case .group(let name): exchange.reply(try found(Discovery.group(name)))
        case .resources(let group, let version):
            exchange.reply(try found(Discovery.resources(group: group, version: version)))
        // No bytes are an empty protobuf document: the server checks the fields itself. The media type is written without
        // the `@` that clients ask for, because old ones cannot read that.
        case .openAPIv2:
            exchange.reply([], type: "application/com.github.proto-openapi.spec.v2.v1.0+protobuf")
        case .openAPIIndex: exchange.reply(openAPI.index)
        case .openAPI(let path): try serveOpenAPI(path, exchange)
        }
    }

    private func discovery(_ exchange: Exchange, plain: JSONValue, core: Bool) {
        // An unknown form gets the plain one: every client reads that.
        guard MediaType.form(accept: exchange.request.headers["accept"]) == .aggregatedDiscovery else {
            return exchange.reply(plain)
        }
        exchange.reply(Discovery.aggregated(core: core).serialized(), type: Discovery.aggregatedMediaType)
    }

    private func serveOpenAPI(_ path: String, _ exchange: Exchange) throws(APIStatus) {
        let document = try found(openAPI.document(at: path))
        let tag = "\"\(document.hash)\""
        // The hash is part of the URL, so what is behind it never changes.
        let isPinned = exchange.request.parameter("hash") == document.hash
        let headers: [(name: String, value: String)] = [
            ("ETag", tag), ("Cache-Control", isPinned ? "public, max-age=31536000, immutable" : "no-cache, private"),
        ]
        let known = exchange.request.headers["if-none-match"] ?? ""
        let isKnown = known == "*" || known.split(separator: ",").contains { $0.filter { $0 != " " } == tag }
        exchange.count(isKnown ? 304 : 200)
        exchange.responder.respond(
            status: isKnown ? 304 : 200, headers: headers + (isKnown ? [] : [("Content-Type", "application/json")]),
            body: isKnown ? [] : document.bytes)
    }

    private func found<T>(_ value: T?) throws(APIStatus) -> T {
        guard let value else { throw .noSuchResource }
        return value
    }
}
