import Model

// An App's fields in the shape that core v1 gives them.

extension EnvVarSource {
    init(_ source: EnvSource) {
        self.init()
        switch source {
        case .value: break
        case .secret(let name, let key): secretKeyRef = KeySelector(name: name, key: key)
        case .config(let name, let key): configMapKeyRef = KeySelector(name: name, key: key)
        case .field(let path): fieldRef = FieldSelector { $0.fieldPath = path }
        }
    }
}

extension KeySelector {
    init(name: String, key: String) {
        self.init()
        self.name = name
        self.key = key
    }
}

extension ContainerPort {
    /// HTTP and HTTP/2 are told to the load balancer; on the wire both are TCP.
    init(_ port: AppPort) {
        self.init()
        name = port.name.isEmpty ? nil : port.name
        containerPort = port.port
        hostPort = port.hostPort
        switch port.protocol ?? "HTTP" {
        case "TCP", "UDP": `protocol` = port.protocol
        default:
            `protocol` = "TCP"
            appProtocol = port.protocol ?? "HTTP"
        }
    }
}

extension Volume {
    init(_ volume: AppVolume) {
        self.init()
        name = volume.name
        emptyDir = volume.emptyDir
        hostPath = volume.hostPath
        configMap = volume.config
        secret = volume.secret
    }
}

extension VolumeMount {
    /// The mount into the main container; nil for a volume that only others mount.
    init?(_ volume: AppVolume) {
        guard let mountPath = volume.mountPath else { return nil }
        self.init()
        name = volume.name
        self.mountPath = mountPath
        readOnly = volume.readOnly
    }
}

extension Probe {
    init(_ probe: AppProbe) {
        self.init()
        httpGet = probe.http.map(HTTPGetAction.init)
        tcpSocket = probe.tcp
        exec = probe.exec
        grpc = probe.grpc
        initialDelayMilliseconds = probe.initialDelay?.wholeMilliseconds
        periodMilliseconds = probe.period?.wholeMilliseconds
        timeoutMilliseconds = probe.timeout?.wholeMilliseconds
        failureThreshold = probe.failureThreshold
        successThreshold = probe.successThreshold
    }
}

extension HTTPGetAction {
    init(_ check: HTTPCheck) {
        self.init()
        path = check.path
        port = check.port
        host = check.host
        httpHeaders = check.headers.sorted { $0.key < $1.key }.map { name, value in
            HTTPHeader {
                $0.name = name
                $0.value = value
            }
        }
    }
}
