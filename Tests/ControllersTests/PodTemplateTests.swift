import Model
import Testing

@testable import Controllers

struct PodTemplateTests {
    private let spec = makeApp {
        $0.spec.image = "web:1"
        $0.spec.command = ["/web"]
        $0.spec.args = ["-v"]
        $0.spec.workingDir = "/srv"
        $0.spec.env = [
            "B": .secret(name: "db", key: "url"), "A": .value("x"), "C": .config(name: "c", key: "k"),
            "D": .field("status.podIP"),
        ]
        $0.spec.ports = [
            AppPort {
                $0.name = "http"
                $0.port = 8080
            },
            AppPort {
                $0.name = "dns"
                $0.port = 53
                $0.protocol = "UDP"
                $0.hostPort = 53
            },
        ]
        $0.spec.volumes = [
            AppVolume {
                $0.name = "cache"
                $0.mountPath = "/cache"
                $0.emptyDir = EmptyDirSource()
            },
            AppVolume {
                $0.name = "keys"
                $0.secret = ProjectionSource { $0.name = "keys" }
            },
        ]
        $0.spec.security = SecuritySpec { $0.runAsUser = 1000 }
        $0.spec.health = Health {
            $0.readiness = AppProbe {
                $0.http = HTTPCheck {
                    $0.path = "/ready"
                    $0.port = .name("http")
                    $0.headers = ["X-B": "2", "X-A": "1"]
                }
                $0.period = .seconds(2)
                $0.timeout = .milliseconds(500)
                $0.failureThreshold = 4
            }
        }
        $0.spec.stop = StopSpec {
            $0.signal = "SIGQUIT"
            $0.drain = .seconds(10)
            $0.gracePeriod = .seconds(20)
        }
        $0.spec.sidecars = [
            AppContainer {
                $0.name = "proxy"
                $0.volumeMounts = [VolumeMount { $0.name = "keys" }]
            }
        ]
        $0.spec.initContainers = [
            AppContainer {
                $0.name = "migrate"
                $0.image = "migrate:1"
            }
        ]
        $0.spec.placement = Placement {
            $0.nodeSelector = ["disk": "ssd"]
            $0.spread = ["zone"]
            $0.tolerations = [Toleration { $0.key = "gpu" }]
        }
    }.spec

    private var template: PodTemplate {
        PodTemplate(
            spec, name: "web", images: ["web:1": "web:1@sha256:a", "migrate:1": "migrate:1@sha256:b"], configHash: "h")
    }

    @Test func `the main container is named after the App and takes its fields`() throws {
        let main = try #require(template.spec.containers.first)
        #expect(main.name == "web")
        #expect(main.image == "web:1@sha256:a")
        #expect(main.command == ["/web"] && main.args == ["-v"] && main.workingDir == "/srv")
        #expect(main.securityContext?.runAsUser == 1000)
        #expect(main.lifecycle?.stopSignal == "SIGQUIT")
        #expect(main.volumeMounts.map(\.name) == ["cache"])
    }

    @Test func `variables come in order of their names, references as valueFrom`() throws {
        let env = try #require(template.spec.containers.first?.env)
        #expect(env.map(\.name) == ["A", "B", "C", "D"])
        #expect(env[0].value == "x" && env[0].valueFrom == nil)
        #expect(env[1].valueFrom?.secretKeyRef == KeySelector(name: "db", key: "url"))
        #expect(env[2].valueFrom?.configMapKeyRef == KeySelector(name: "c", key: "k"))
        #expect(env[3].valueFrom?.fieldRef?.fieldPath == "status.podIP")
    }

    @Test func `application protocols are told beside the transport`() throws {
        let ports = try #require(template.spec.containers.first?.ports)
        #expect(ports.map(\.protocol) == ["TCP", "UDP"])
        #expect(ports.map(\.appProtocol) == ["HTTP", nil])
        #expect(ports.map(\.hostPort) == [nil, 53])
    }

    @Test func `probes count in milliseconds, headers in order`() throws {
        let probe = try #require(template.spec.containers.first?.readinessProbe)
        #expect(probe.httpGet?.path == "/ready" && probe.httpGet?.port == .name("http"))
        #expect(probe.httpGet?.httpHeaders.map(\.name) == ["X-A", "X-B"])
        #expect(probe.periodMilliseconds == 2000 && probe.timeoutMilliseconds == 500)
        #expect(probe.failureThreshold == 4)
        #expect(template.spec.containers.first?.livenessProbe == nil)
    }

    @Test func `the pod stops, is placed and carries volumes as the App says`() {
        let pod = template.spec
        #expect(pod.terminationGracePeriodSeconds == 20)
        #expect(pod.drain == .seconds(10))
        #expect(pod.nodeSelector == ["disk": "ssd"] && pod.topologyKeys == ["zone"])
        #expect(pod.tolerations.map(\.key) == ["gpu"])
        #expect(pod.volumes.map(\.name) == ["cache", "keys"])
        #expect(pod.volumes.last?.secret?.name == "keys")
        #expect(pod.restartPolicy == "Always")
    }

    @Test func `sidecars run the main image unless they say otherwise`() {
        #expect(template.spec.initContainers.map(\.image) == ["migrate:1@sha256:b", "web:1@sha256:a"])
        #expect(template.spec.initContainers.last?.volumeMounts.map(\.name) == ["keys"])
    }

    @Test func `sidecars start after the init containers, before the main container, and keep running`() {
        #expect(template.spec.initContainers.map(\.name) == ["migrate", "proxy"])
        #expect(template.spec.initContainers.map(\.restartPolicy) == [nil, "Always"])
        #expect(template.spec.containers.map(\.name) == ["web"])
    }

    @Test func `labels and the config hash are on the template`() {
        #expect(template.metadata.labels == [WellKnown.appLabel: "web"])
        #expect(template.metadata.annotations == [WellKnown.configHashAnnotation: "h"])
    }

    @Test func `a template survives being stored`() throws {
        let stored = try PodTemplate(json: template.json)
        #expect(stored == template)
    }
}
