import Model
import Wire

/// `martlet events`: shows what happened.
enum EventsCommand {
    static let command = Command(
        path: ["events"], summary: "Show what happened",
        usage: "[--for TYPE/NAME] [-w]",
        options: [
            .allNamespaces, .init("for", .value("TYPE/NAME"), "Only what happened to this object"),
            .init("types", .value("TYPES"), "Only Normal or Warning events"),
            .init("watch", short: "w", .flag, "Go on showing events until interrupted"),
        ],
        examples: ["martlet events", "martlet events --for app/web -w", "martlet events -A --types Warning"],
        run: run)

    private static func run(_ call: Invocation) throws -> Int32 {
        let api = try call.connect()
        let namespace = call.flag("all-namespaces") ? nil : api.namespace
        var fields: [String] = []
        if let word = call.value("for") {
            let group = try Targets([word]).groups[0]
            guard let name = group.names.first else {
                throw UsageError(message: "--for takes TYPE/NAME", path: ["events"])
            }
            fields = ["involvedObject.kind=\(group.type.kind)", "involvedObject.name=\(name)"]
        }
        let types = call.value("types").map { $0.lowercased().split(separator: ",").map(String.init) }
        func isWanted(_ event: Event) -> Bool {
            types.map { $0.contains((event.type ?? "normal").lowercased()) } ?? true
        }
        let selector = fields.isEmpty ? nil : fields.joined(separator: ",")
        if call.flag("watch") {
            try api.watch(.event, namespace: namespace, fields: selector, from: nil) { change, object in
                guard change == .changed, let event = try? Event(json: object), isWanted(event) else { return true }
                let table = EventTable([event], now: call.context.clock.wall(), withObject: true).table
                call.context.print(TextTable.line(table.rows[0], widths: [10, 7, 20, 30]))
                return true
            }
            return 0
        }
        let events = try api.list(Event.self, namespace: namespace, fields: selector).filter(isWanted)
        if events.isEmpty {
            call.context.note("no events found" + (namespace.map { " in namespace \($0)" } ?? ""))
        } else {
            call.context.output(EventTable(events, now: call.context.clock.wall(), withObject: true).table.text())
        }
        return 0
    }
}
