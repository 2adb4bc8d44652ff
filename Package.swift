// swift-tools-version: 6.2
import PackageDescription

/// Settings shared by every Swift target: Swift 6 mode, warnings are errors, no hidden existentials or imports.
let strict: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .treatAllWarnings(as: .error),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("MemberImportVisibility"),
]

func library(_ name: String, _ dependencies: [Target.Dependency] = []) -> Target {
    .target(name: name, dependencies: dependencies, swiftSettings: strict)
}

func tests(_ name: String, _ dependencies: [Target.Dependency], resources: [Resource] = []) -> Target {
    .testTarget(name: name, dependencies: dependencies, resources: resources, swiftSettings: strict)
}

func system(_ name: String, pkgConfig: String, apt: String) -> Target {
    .systemLibrary(name: name, path: "Sources/System/\(name)", pkgConfig: pkgConfig, providers: [.apt([apt])])
}

let package = Package(
    name: "martlet",
    products: [
        .executable(name: "martlet", targets: ["martlet"]),
        .executable(name: "martlet-supervisor", targets: ["martlet-supervisor"]),
    ],
    targets: [
        // Debian's libraries.
        system("CYAML", pkgConfig: "yaml-0.1", apt: "libyaml-dev"),
        system("CSQLite", pkgConfig: "sqlite3", apt: "libsqlite3-dev"),
        system("CSeccomp", pkgConfig: "libseccomp", apt: "libseccomp-dev"),
        system("CCap", pkgConfig: "libcap", apt: "libcap-dev"),
        system("CMicroHTTPD", pkgConfig: "libmicrohttpd", apt: "libmicrohttpd-dev"),
        system("CCurl", pkgConfig: "libcurl", apt: "libcurl4-gnutls-dev"),
        system("CGnuTLS", pkgConfig: "gnutls", apt: "libgnutls28-dev"),
        system("CArchive", pkgConfig: "libarchive", apt: "libarchive-dev"),
        system("CNFTables", pkgConfig: "libnftables", apt: "libnftables-dev"),

        // Layer 0.
        // `Double`'s rounding is libm's; nothing else links it for a program that imports only Model.
        .target(name: "Model", swiftSettings: strict, linkerSettings: [.linkedLibrary("m")]),
        .target(
            name: "CLinux",
            cSettings: [
                .unsafeFlags(["-Wall", "-Wextra", "-Werror"]), .define("FAILPOINTS", .when(configuration: .debug)),
            ]),
        // Where tests let a process die; nothing of it is in a release build.
        .target(
            name: "Failpoints",
            swiftSettings: strict + [.define("FAILPOINTS", .when(configuration: .debug))]),
        // For tests: not part of the programs.
        library("Consistency"),

        // Layer 1.
        library("Controllers", ["Model"]),
        library("Scheduler", ["Model"]),
        library("Linux", ["CLinux", "Failpoints"]),
        library("YAML", ["CYAML"]),
        library("PKI", ["CGnuTLS"]),
        library("Threads", ["Model"]),

        // Layer 2.
        library("Manifest", ["Model", "YAML"]),
        library("Store", ["Model", "Threads", "CSQLite", "Failpoints"]),
        library("Wire", ["Model"]),
        library("Supervision", ["Model", "Linux", "CLinux", "Failpoints"]),
        library(
            "ContainerRuntime",
            [
                "Threads", "Model", "Linux", "CLinux", "Supervision", "PKI", "CSeccomp", "CCap", "CArchive",
                "Failpoints",
            ]),
        library("Network", ["Model", "Threads", "Linux", "CLinux", "CNFTables", "Failpoints"]),
        library("Proxy", ["Model"]),
        library("HTTP", ["Threads", "Wire", "PKI", "CMicroHTTPD", "CGnuTLS", "CLinux"]),

        // Layer 3.
        library("ControlPlane", ["Model", "Threads", "Controllers", "Scheduler", "Store"]),
        library("DataPlane", ["Model", "Failpoints", "Threads", "Linux", "CLinux", "Network", "Proxy"]),
        library(
            "Agent",
            ["Model", "Threads", "Wire", "Linux", "Supervision", "ContainerRuntime", "Network", "Proxy", "Failpoints"]),

        // Layer 4.
        library("APIServer", ["Model", "Threads", "Wire", "Store", "HTTP", "YAML", "Failpoints"]),
        library("Client", ["Model", "Wire", "YAML", "CCurl", "CLinux"]),

        // Layer 5: the commands, and the binary that runs them.
        library(
            "Commands",
            [
                "Controllers", "Failpoints",
                "Model", "Threads", "Manifest", "Store", "Wire", "Linux", "PKI", "ContainerRuntime", "Network",
                "Supervision", "Proxy", "DataPlane",
                "ControlPlane", "Agent", "APIServer", "Client", "HTTP", "YAML", "CLinux",
            ]),
        .executableTarget(name: "martlet", dependencies: ["Commands"], swiftSettings: strict),
        .executableTarget(
            name: "martlet-supervisor", dependencies: ["Supervision", "Linux", "Model", "CLinux"],
            swiftSettings: strict),

        // The benchmarks: what they print, and what measures. `hack/bench` runs them.
        .target(
            name: "BenchmarkReport", dependencies: ["Model"], path: "Benchmarks/BenchmarkReport",
            swiftSettings: strict),
        .executableTarget(
            name: "martlet-bench",
            dependencies: [
                "BenchmarkReport", "Model", "Threads", "Linux", "CLinux", "PKI", "Network", "Proxy", "DataPlane",
                "Agent", "Client", "Commands", "CCurl",
            ],
            path: "Benchmarks/martlet-bench", swiftSettings: strict),
        .executableTarget(
            name: "pod-server", dependencies: ["CLinux"], path: "Benchmarks/pod-server", swiftSettings: strict),
        .executableTarget(
            name: "launch-benchmark", dependencies: ["ContainerRuntime", "Linux", "CLinux", "Model", "Threads"],
            path: "Benchmarks/launch", exclude: ["bundle.json"], swiftSettings: strict),

        // The whole cluster on a simulated clock, and the program that runs many of them.
        library(
            "Simulation",
            [
                "Model", "Controllers", "Store", "Wire", "HTTP", "ContainerRuntime", "ControlPlane", "Agent",
                "APIServer",
                "Client", "Commands",
            ]),
        .executableTarget(name: "martlet-simulate", dependencies: ["Simulation", "Model"], swiftSettings: strict),

        // A program that the store's tests kill while it writes.
        .executableTarget(
            name: "store-writer", dependencies: ["Store", "Model"], path: "Tests/StoreWriter", swiftSettings: strict),
        // The process that the image store's tests unpack in.
        .executableTarget(
            name: "image-unpacker", dependencies: ["ContainerRuntime"], path: "Tests/ImageUnpacker",
            swiftSettings: strict),

        // What several test targets share.
        .target(name: "TestSupport", path: "Tests/TestSupport", swiftSettings: strict),
        // Makes the n-th system call of a thread and of its processes fail.
        .target(
            name: "SystemCallFaults", dependencies: ["Linux", "Threads", "CSeccomp"], path: "Tests/SystemCallFaults",
            swiftSettings: strict),

        tests("ModelTests", ["TestSupport", "Model"]),
        tests("ConsistencyTests", ["TestSupport", "Consistency"]),
        tests("ControllersTests", ["TestSupport", "Controllers", "Model"]),
        tests("SchedulerTests", ["TestSupport", "Scheduler", "Model"]),
        tests("LinuxTests", ["Linux", "CLinux"]),
        tests("YAMLTests", ["YAML"]),
        tests("ThreadsTests", ["Threads", "Model"]),
        tests("PKITests", ["PKI"]),
        tests("ManifestTests", ["TestSupport", "Manifest", "Model", "YAML"]),
        tests("StoreTests", ["TestSupport", "Threads", "Store", "Model", "CSQLite", "store-writer"]),
        tests("WireTests", ["TestSupport", "Wire", "Model"]),
        tests("HTTPTests", ["HTTP", "PKI", "Client", "Wire", "Model"]),
        tests("ClientTests", ["Client", "HTTP", "Model"]),
        tests(
            "ContainerRuntimeTests",
            [
                "ContainerRuntime", "Supervision", "Linux", "Model", "PKI", "CLinux", "CCap", "CArchive",
                "SystemCallFaults", "image-unpacker",
            ]),
        tests("NetworkTests", ["Network", "Threads", "Linux", "CLinux", "Model"]),
        tests("ProxyTests", ["TestSupport", "Proxy", "Model"]),
        tests("DataPlaneTests", ["DataPlane", "Network", "Proxy", "Threads", "Linux", "CLinux", "Model"]),
        tests(
            "ControlPlaneTests",
            ["TestSupport", "Threads", "ControlPlane", "Controllers", "Scheduler", "Store", "Model"]),
        tests(
            "AgentTests",
            ["Threads", "Agent", "ContainerRuntime", "Supervision", "Network", "Proxy", "Wire", "Linux", "Model"]),
        tests("APIServerTests", ["APIServer", "Client", "ControlPlane", "Store", "Wire", "HTTP", "PKI", "Model"]),
        tests("CommandsTests", ["Commands", "Model", "Manifest", "Client", "Wire", "Agent", "APIServer"]),
        tests(
            "KernelTests", ["ContainerRuntime", "Supervision", "Network", "Linux", "Model", "SystemCallFaults"]),
        tests(
            "EndToEndTests",
            [
                "TestSupport",
                "Model", "Linux", "CLinux", "Failpoints", "Threads", "Store", "Client", "Consistency", "PKI", "martlet",
                "martlet-supervisor",
            ]),
        tests("BenchmarkReportTests", ["BenchmarkReport", "Model"]),
        tests("SimulationTests", ["Simulation", "Model"]),
        tests("TidyTests", []),
    ],
    swiftLanguageModes: [.v6]
)
