import Client
import Model
import Threads

/// `martlet logs`: shows what containers wrote.
enum LogsCommand {
    static let command = Command(
        path: ["logs"], aliases: ["log"], summary: "Show what containers wrote",
        usage: "APP|POD [-c CONTAINER] [-f]",
        discussion: "Of an App, the logs of all its pods are shown, each line with the pod that wrote it.",
        options: [
            .init("follow", short: "f", .flag, "Go on as more is written"),
            .init("tail", .value("LINES"), "Only so many lines from the end"),
            .init("since", .value("DURATION"), "Only lines of the last 10m, 1h, ..."),
            .init("previous", short: "p", .flag, "The log of the container before its last restart"),
            .init("container", short: "c", .value("NAME"), "The container", default: "the main one"),
            .init("all-containers", .flag, "Every container of the pod"),
            .init("timestamps", .flag, "Start each line with the time"), .selector,
            .init("prefix", .flag, "Start each line with the pod and the container"),
        ],
        examples: [
            "martlet logs web", "martlet logs -f app/web --tail 20",
            "martlet logs pod/web-7d9fcb5c2x-abcde -c proxy --previous",
        ],
        run: run)

    private static func run(_ call: Invocation) throws -> Int32 {
        let api = try call.connect()
        let pods: [Pod]
        if let selector = call.value("selector") {
            pods = try api.list(Pod.self, namespace: api.namespace, labels: selector)
        } else {
            guard let word = call.arguments.first else {
                throw UsageError(message: "say which App or pod", path: ["logs"])
            }
            // `martlet logs pod web-1` means the same as `pod/web-1`.
            let isType = call.arguments.count == 2 && ResourceType.meant(by: word) != nil
            pods = try PodChoice(api: api).pods(isType ? call.arguments.joined(separator: "/") : word)
        }
        let streams = try pods.flatMap { pod -> [(pod: Pod, container: String)] in
            let names =
                call.flag("all-containers")
                ? (pod.spec.initContainers + pod.spec.containers).map(\.name)
                : [try pod.container(call.value("container"))]
            return names.map { (pod, $0) }
        }
        let parameters = try parameters(call)
        let hasPrefix = call.flag("prefix") || streams.count > 1
        if !call.flag("follow") || streams.count == 1 {
            var code: Int32 = 0
            for stream in streams {
                do {
                    try show(stream.pod, stream.container, parameters, api, call.context, hasPrefix: hasPrefix)
                } catch {
                    code = call.report(error)
                }
            }
            return code
        }
        try followAll(streams, parameters, api, call.context)
        return 0
    }

    private static func parameters(_ call: Invocation) throws -> [(name: String, value: String?)] {
        var seconds: String?
        if let text = call.value("since") {
            guard let span = TimeSpan(text) else {
                throw UsageError(message: "--since takes a duration such as 10m, not \"\(text)\"", path: ["logs"])
            }
            seconds = String(max(1, span.wholeSeconds))
        }
        if let text = call.value("tail"), Int(text) == nil {
            throw UsageError(message: "--tail takes a number of lines, not \"\(text)\"", path: ["logs"])
        }
        let tail = call.value("tail").flatMap { (Int($0) ?? 0) < 0 ? nil : $0 }
        return [
            ("follow", call.flag("follow") ? "true" : nil), ("tailLines", tail), ("sinceSeconds", seconds),
            ("previous", call.flag("previous") ? "true" : nil), ("timestamps", call.flag("timestamps") ? "true" : nil),
        ]
    }

    private static func show(
        _ pod: Pod, _ container: String, _ parameters: [(name: String, value: String?)], _ api: ClusterAPI,
        _ context: Context, hasPrefix: Bool
    ) throws {
        let path =
            ResourceType.pod.path(namespace: pod.namespace, name: pod.name, subresource: "log")
            + query([("container", container)] + parameters)
        let prefix = Array("[\(pod.name)/\(container)] ".utf8)
        var rest: [UInt8] = []
        try api.client.stream("GET", path, headers: []) { bytes in
            guard hasPrefix else {
                context.writeOutput(Array(bytes))
                return true
            }
            rest += bytes
            guard let last = rest.lastIndex(of: 0x0A) else { return true }
            let lines = rest[..<last].split(separator: 0x0A, omittingEmptySubsequences: false)
            context.writeOutput(lines.flatMap { prefix + $0 + [0x0A] })
            rest = Array(rest[(last + 1)...])
            return true
        }
        if hasPrefix, !rest.isEmpty { context.writeOutput(prefix + rest + [0x0A]) }
    }

    /// Follows several logs at once, one thread each, until all have ended.
    private static func followAll(
        _ streams: [(pod: Pod, container: String)], _ parameters: [(name: String, value: String?)], _ api: ClusterAPI,
        _ context: Context
    ) throws {
        let threads = try streams.map { stream in
            try Thread {
                do {
                    try show(stream.pod, stream.container, parameters, api, context, hasPrefix: true)
                } catch {
                    context.note("error: \(stream.pod.name): \(error)")
                }
            }
        }
        for thread in threads { thread.join() }
    }
}
