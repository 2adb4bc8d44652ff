import Model

extension PodTemplate {
    /// The pods of an App: its spec in terms of core v1.
    ///
    /// - Parameters:
    ///   - spec: the App's spec.
    ///   - name: the App's name, which the main container takes.
    ///   - images: what to write for each image reference of the spec.
    ///   - configHash: the hash of what the pods read from Secrets and ConfigMaps.
    init(_ spec: AppSpec, name: String, images: [String: String], configHash: String?) {
        self.init()
        metadata.labels = [WellKnown.appLabel: name]
        if let configHash { metadata.annotations[WellKnown.configHashAnnotation] = configHash }
        let build = ContainerBuilder(images: images, stopSignal: spec.stop?.signal)
        self.spec = PodSpec {
            $0.containers = [build.main(spec, name: name)]
            // Init containers that keep running: they are there before the main container and outlive it.
            $0.initContainers =
                spec.initContainers.map { build.container($0, of: spec) }
                + spec.sidecars.map {
                    var sidecar = build.container($0, of: spec)
                    sidecar.restartPolicy = "Always"
                    return sidecar
                }
            $0.volumes = spec.volumes.map(Volume.init)
            $0.restartPolicy = "Always"
            $0.terminationGracePeriodSeconds = (spec.stop?.gracePeriod ?? .seconds(30)).secondsRoundedUp
            $0.drain = spec.stop?.drain
            $0.nodeSelector = spec.placement?.nodeSelector ?? [:]
            $0.topologyKeys = spec.placement?.spread ?? []
            $0.tolerations = spec.placement?.tolerations ?? []
        }
    }
}

extension AppSpec {
    /// The image references of all containers, each once, in order of first use.
    var imageReferences: [String] {
        var seen: Set<String> = []
        return ([image] + (initContainers + sidecars).compactMap(\.image)).filter { seen.insert($0).inserted }
    }

    /// How many pods are wanted. Where `autoscale` decides, its minimum, until the autoscaler has spoken.
    var desiredReplicas: Int {
        max(0, replicas ?? autoscale?["min"]?.integer.map { Int(clamping: $0) } ?? 1)
    }
}

extension TimeSpan {
    /// Whole seconds, rounded up.
    var secondsRoundedUp: Int64 { wholeSeconds + (nanoseconds % 1_000_000_000 > 0 ? 1 : 0) }
}

/// Makes core v1 containers.
private struct ContainerBuilder {
    let images: [String: String]
    let stopSignal: String?

    func main(_ spec: AppSpec, name: String) -> Container {
        var container = Container {
            $0.name = name
            $0.image = images[spec.image] ?? spec.image
            $0.command = spec.command
            $0.args = spec.args
            $0.workingDir = spec.workingDir
            $0.env = variables(spec.env)
            $0.ports = spec.ports.map(ContainerPort.init)
            $0.resources = spec.resources
            $0.volumeMounts = spec.volumes.compactMap(VolumeMount.init)
            $0.securityContext = spec.security
        }
        finish(&container, health: spec.health)
        return container
    }

    func container(_ source: AppContainer, of spec: AppSpec) -> Container {
        var container = Container {
            $0.name = source.name
            $0.image = images[source.image ?? spec.image] ?? source.image ?? spec.image
            $0.command = source.command
            $0.args = source.args
            $0.workingDir = source.workingDir
            $0.env = variables(source.env)
            $0.ports = source.ports.map(ContainerPort.init)
            $0.resources = source.resources
            $0.volumeMounts = source.volumeMounts
            $0.securityContext = source.security
        }
        finish(&container, health: source.health)
        return container
    }

    private func finish(_ container: inout Container, health: Health?) {
        container.startupProbe = health?.startup.map(Probe.init)
        container.readinessProbe = health?.readiness.map(Probe.init)
        container.livenessProbe = health?.liveness.map(Probe.init)
        container.lifecycle = stopSignal.map { signal in Lifecycle { $0.stopSignal = signal } }
    }

    private func variables(_ env: [String: EnvSource]) -> [EnvVar] {
        env.sorted { $0.key < $1.key }.map { name, source in
            EnvVar {
                $0.name = name
                switch source {
                case .value(let text): $0.value = text
                case .secret, .config, .field: $0.valueFrom = EnvVarSource(source)
                }
            }
        }
    }
}
