import Client
import Model

/// `martlet get`: shows objects.
enum GetCommand {
    static let command = Command(
        path: ["get"], summary: "Show objects",
        usage: "TYPE[,TYPE...] [NAME...] | TYPE/NAME... [-o FORMAT] [-w]",
        options: [
            .init("output", short: "o", .value("FORMAT"), "wide, yaml, json, name or jsonpath={.a.b}"),
            .init("watch", short: "w", .flag, "Go on showing changes until interrupted"),
            .init("watch-only", .flag, "Show changes only"), .allNamespaces, .selector, .fieldSelector,
            .init("no-headers", .flag, "Leave out the headers"),
            .init("show-labels", .flag, "Add a column of labels"), .ignoreNotFound,
        ],
        examples: [
            "martlet get apps", "martlet get pods -o wide", "martlet get app/web -o yaml",
            "martlet get pods -l martlet.dev/app=web -w",
            "martlet get all -A",
        ],
        run: { try GetRun($0).run() })
}

extension Command.Option {
    static let allNamespaces = Command.Option("all-namespaces", short: "A", .flag, "In every namespace")
    static let selector = Command.Option(
        "selector", short: "l", .value("LABELS"), "Only objects with these labels: app=web,tier!=db")
    static let fieldSelector = Command.Option(
        "field-selector", .value("FIELDS"), "Only objects with these fields: status.phase=Running")
    static let ignoreNotFound = Command.Option("ignore-not-found", .flag, "Objects that are not there are no error")
    static let timeout = Command.Option(
        "timeout", .value("DURATION"), "How long to wait, as in 30s or 5m", default: "5m")
}

private struct GetRun {
    let call: Invocation
    let api: ClusterAPI
    let format: OutputFormat
    let targets: Targets
    let namespace: String?

    init(_ call: Invocation) throws {
        self.call = call
        format = try OutputFormat(call.value("output"))
        targets = try Targets(call.arguments)
        api = try call.connect()
        namespace = call.flag("all-namespaces") ? nil : api.namespace
        if namespace == nil && targets.groups.contains(where: { !$0.names.isEmpty }) {
            throw UsageError(message: "an object cannot be named across all namespaces; leave out -A or the name")
        }
    }

    func run() throws -> Int32 {
        let isWatching = call.flag("watch") || call.flag("watch-only")
        if isWatching && targets.groups.count > 1 {
            throw UsageError(message: "only one type can be watched at a time")
        }
        if format.isTable { return try isWatching ? watchTable() : showTables() }
        return try isWatching ? watchObjects() : showObjects()
    }

    // MARK: - Tables

    private func tableDocument(_ group: Targets.Group, name: String?) throws -> JSONValue {
        let parameters = query([
            ("labelSelector", call.value("selector")), ("fieldSelector", call.value("field-selector")),
        ])
        let path = group.type.path(namespace: namespace, name: name.map(escaped)) + parameters
        return try api.request("GET", path, accept: ServerTable.accept).document
    }

    private func table(_ document: JSONValue, _ group: Targets.Group, isWatch: Bool = false) -> ServerTable {
        ServerTable(
            document, isWide: format == .wide, withNamespace: namespace == nil && group.type.isNamespaced,
            withLabels: call.flag("show-labels"), prefix: targets.groups.count > 1 ? "\(prefix(of: group.type))/" : "")
    }

    private func prefix(of type: ResourceType) -> String {
        type.group.isEmpty ? type.singular : "\(type.singular).\(type.group)"
    }

    private func showTables() throws -> Int32 {
        var isFirst = true
        var code: Int32 = 0
        for group in targets.groups {
            var merged: ServerTable?
            var rows: [[String]] = []
            for name in group.names.isEmpty ? [nil] : group.names.map(Optional.some) {
                do {
                    let part = table(try tableDocument(group, name: name), group)
                    rows += part.table.rows
                    merged = merged ?? part
                } catch let error as ClientError where error.isNotFound && name != nil {
                    guard !call.flag("ignore-not-found") else { continue }
                    code = call.report(Missing(type: group.type, namespace: api.namespace, name: name ?? ""))
                }
            }
            guard let merged, !rows.isEmpty else { continue }
            if !isFirst { call.context.print("") }
            isFirst = false
            let text = TextTable(headers: merged.table.headers, rows: rows)
            call.context.output(text.text(withHeaders: !call.flag("no-headers")))
        }
        if isFirst && code == 0 && targets.groups.allSatisfy(\.names.isEmpty) {
            let place = namespace.map { " in namespace \($0)" } ?? ""
            call.context.note("no \(targets.groups.map(\.type.plural).joined(separator: ", ")) found\(place)")
        }
        return code
    }

    private func watchTable() throws -> Int32 {
        let group = targets.groups[0]
        let fields = group.names.first.map { "metadata.name=\($0)" } ?? call.value("field-selector")
        var parameters = [("labelSelector", call.value("selector"))]
        parameters.append(("fieldSelector", fields))
        let path = group.type.path(namespace: namespace) + query(parameters)
        let first = table(try api.request("GET", path, accept: ServerTable.accept).document, group)
        var widths = first.table.widths
        if !call.flag("watch-only") { call.context.output(first.table.text(withHeaders: !call.flag("no-headers"))) }
        try api.watch(
            group.type, namespace: namespace, accept: ServerTable.accept, labels: call.value("selector"),
            fields: fields,
            from: first.revision
        ) { _, document in
            for row in table(document, group, isWatch: true).table.rows {
                for (index, cell) in row.enumerated() where index < widths.count {
                    widths[index] = max(widths[index], cell.count)
                }
                call.context.print(TextTable.line(row, widths: widths))
            }
            return true
        }
        return 0
    }

    // MARK: - Objects

    private func showObjects() throws -> Int32 {
        var objects: [JSONValue] = []
        var code: Int32 = 0
        for group in targets.groups {
            if group.names.isEmpty {
                objects += try api.list(
                    group.type, namespace: namespace, labels: call.value("selector"),
                    fields: call.value("field-selector"))
            }
            for name in group.names {
                do {
                    objects.append(try api.get(group.type, namespace: api.namespace, name: name))
                } catch let error as Missing {
                    if !call.flag("ignore-not-found") { code = call.report(error) }
                }
            }
        }
        let isSingle = targets.groups.count == 1 && targets.groups[0].names.count == 1
        if isSingle && objects.isEmpty { return code }
        call.context.output(format.text(of: objects, asList: !isSingle))
        // A script takes the bare value; a person's prompt begins on a line of its own.
        if case .path = format, call.context.isTerminal { call.context.print("") }
        return code
    }

    private func watchObjects() throws -> Int32 {
        let group = targets.groups[0]
        let fields = group.names.first.map { "metadata.name=\($0)" } ?? call.value("field-selector")
        try api.watch(
            group.type, namespace: namespace, labels: call.value("selector"), fields: fields, from: nil
        ) { _, object in
            if format == .yaml { call.context.print("---") }
            call.context.output(format.text(of: [object], asList: false))
            if case .path = format { call.context.print("") }
            return true
        }
        return 0
    }
}

extension Invocation {
    /// Shows an error and goes on; returns the exit code to end with.
    func report(_ error: any Error) -> Int32 {
        context.note("error: \(error)")
        return 1
    }

    /// How long to wait.
    func timeout(_ standard: TimeSpan = .minutes(5)) throws -> TimeSpan {
        guard let text = value("timeout") else { return standard }
        guard let span = TimeSpan(text), span >= .zero else {
            throw UsageError(
                message: "--timeout takes a duration such as 30s or 5m, not \"\(text)\"", path: command.path)
        }
        return span
    }
}
