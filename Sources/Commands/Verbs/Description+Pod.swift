import Model

extension Description {
    /// A pod with its containers.
    func describe(_ pod: Pod, _ page: inout DescriptionPage) {
        let status = pod.status ?? PodStatus()
        page.field("Node", pod.spec.nodeName ?? "<none>")
        page.field("Phase", pod.metadata.deletionTimestamp == nil ? status.phase ?? "Pending" : "Terminating")
        if let reason = status.reason { page.field("Reason", "\(reason): \(status.message ?? "")") }
        page.field("IP", status.podIP ?? "<none>")
        if let range = status.userRange { page.field("User ids", "\(range) on the node") }
        if let started = status.startTime { page.field("Started", "\(started)") }
        for (title, specs, statuses) in [
            ("Init containers", pod.spec.initContainers, status.initContainerStatuses),
            ("Containers", pod.spec.containers, status.containerStatuses),
        ] where !specs.isEmpty {
            var inner = DescriptionPage()
            for container in specs {
                inner.nested(container.name, describe(container, statuses.first { $0.name == container.name }))
            }
            page.block(title, inner.text)
        }
        page.conditions(status.conditions)
        if !pod.spec.volumes.isEmpty {
            page.block("Volumes", pod.spec.volumes.map { "\($0.name): \(source(of: $0))\n" }.joined())
        }
    }

    private func describe(_ container: Container, _ status: ContainerStatus?) -> DescriptionPage {
        var page = DescriptionPage()
        page.field("Image", container.image)
        if let id = status?.imageID, !id.isEmpty { page.field("Image ID", id) }
        let command = container.command + container.args
        if !command.isEmpty { page.field("Command", command.joined(separator: " ")) }
        let ports = container.ports.map { "\($0.containerPort)/\($0.protocol ?? "TCP")" }
        if !ports.isEmpty { page.field("Ports", ports.joined(separator: ", ")) }
        if let state = status?.state { page.field("State", text(of: state)) }
        if let last = status?.lastState { page.field("Last state", text(of: last)) }
        page.field("Ready", status?.ready == true ? "True" : "False")
        page.field("Restarts", "\(status?.restartCount ?? 0)")
        for (title, amounts) in [
            ("Requests", container.resources?.requests ?? [:]), ("Limits", container.resources?.limits ?? [:]),
        ] where !amounts.isEmpty {
            page.field(
                title, amounts.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value)" }.joined(separator: ", "))
        }
        for (title, probe) in [
            ("Startup", container.startupProbe), ("Readiness", container.readinessProbe),
            ("Liveness", container.livenessProbe),
        ] {
            if let probe { page.field(title, text(of: probe)) }
        }
        for variable in container.env { page.field("Env \(variable.name)", text(of: variable)) }
        for mount in container.volumeMounts {
            page.field("Mount \(mount.mountPath)", mount.name + (mount.readOnly == true ? " (read-only)" : ""))
        }
        return page
    }

    private func text(of state: ContainerState) -> String {
        if let running = state.running { return "running since \(running.startedAt.map(\.description) ?? "?")" }
        if let waiting = state.waiting { return "waiting: \(waiting.reason ?? ""): \(waiting.message ?? "")" }
        guard let end = state.terminated else { return "unknown" }
        let message = end.message.map { ": \($0)" } ?? ""
        let moment = end.finishedAt.map { " at \($0)" } ?? ""
        return "ended with exit code \(end.exitCode)\(moment): \(end.reason ?? "")\(message)"
    }

    private func text(of probe: Probe) -> String {
        func port(_ reference: PortReference) -> String {
            switch reference {
            case .number(let number): "\(number)"
            case .name(let name): name
            }
        }
        var what = ""
        if let http = probe.httpGet { what = "GET \(http.path ?? "/") on port \(port(http.port))" }
        if let tcp = probe.tcpSocket { what = "connect to port \(port(tcp.port))" }
        if let grpc = probe.grpc { what = "gRPC health check on port \(port(grpc.port))" }
        if let exec = probe.exec { what = "run \(exec.command.joined(separator: " "))" }
        let period = TimeSpan.milliseconds(probe.periodMilliseconds ?? 10_000)
        return "\(what), every \(period), fails after \(probe.failureThreshold ?? 3)"
    }

    private func text(of variable: EnvVar) -> String {
        if let value = variable.value { return value }
        if let key = variable.valueFrom?.secretKeyRef { return "<key \(key.key) of Secret \(key.name)>" }
        if let key = variable.valueFrom?.configMapKeyRef { return "<key \(key.key) of ConfigMap \(key.name)>" }
        return "<\(variable.valueFrom?.fieldRef?.fieldPath ?? "unset")>"
    }

    private func source(of volume: Volume) -> String {
        if let source = volume.emptyDir {
            return source.medium == "Memory" ? "empty directory on memory" : "empty directory"
        }
        if let source = volume.hostPath { return "path \(source.path) of the node" }
        if let source = volume.configMap { return "ConfigMap \(source.name)" }
        if let source = volume.secret { return "Secret \(source.name)" }
        return "unknown"
    }
}
