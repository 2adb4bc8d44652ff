import Client
import Model

/// `martlet version`: prints the versions of this program and of the server.
enum VersionCommand {
    static let command = Command(
        path: ["version"], summary: "Print the version of this program and of the server",
        options: [
            .init("client", .flag, "This program only"), .init("output", short: "o", .value("FORMAT"), "json or yaml"),
        ],
        examples: ["martlet version", "martlet version --client -o json"],
        run: run)

    private static func run(_ call: Invocation) throws -> Int32 {
        var result = JSONObject()
        result["clientVersion"] = .string(Program.version)
        var failure: String?
        if !call.flag("client") {
            do {
                let api = try call.connect()
                result["serverVersion"] = try api.request("GET", "/version").document["gitVersion"] ?? .null
            } catch {
                failure = "\(error)"
            }
        }
        switch try OutputFormat(call.value("output")) {
        case .table:
            call.context.print("Client: \(Program.version)")
            if let server = result["serverVersion"]?.string { call.context.print("Server: \(server)") }
        case let format: call.context.output(format.text(of: [.object(result)], asList: false))
        }
        if let failure { call.context.note("the server cannot be asked: \(failure)") }
        return failure == nil ? 0 : 1
    }
}
