// swift-tools-version: 6.2
import PackageDescription

// The target list is the data path, read downwards: a target may only import targets listed above it
// (`Sources/README.md` has the map; `make lint` checks the arrows).

let package = Package(
  name: "heaptap",
  products: [.executable(name: "heaptap", targets: ["heaptap"])],
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
    .package(url: "https://github.com/apple/swift-system", from: "1.8.1"),
    .package(url: "https://github.com/apple/swift-http-types", from: "1.8.0"),
    .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
    .package(url: "https://github.com/apple/swift-nio", from: "2.101.2"),
    .package(url: "https://github.com/apple/swift-nio-extras", from: "1.35.2"),
    .package(url: "https://github.com/groue/GRDB.swift", from: "7.10.0"),
    .package(url: "https://github.com/hummingbird-project/hummingbird", from: "2.28.1"),
    .package(url: "https://github.com/jpsim/Yams", from: "6.2.2"),
    .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.13.0"),
  ],
  targets: [
    // C: one target per foreign interface, no policy.
    .target(
      name: "ProbeABI", path: "bpf", exclude: ["README.md", "LICENSE"],
      sources: ["embedded_objects.c"], publicHeadersPath: "include"),
    .systemLibrary(name: "CLibBPF", pkgConfig: "libbpf", providers: [.apt(["libbpf-dev"])]),
    .systemLibrary(
      name: "CElfutils", pkgConfig: "libelf", providers: [.apt(["libelf-dev", "libdw-dev"])]),
    .systemLibrary(name: "CZlib", pkgConfig: "zlib", providers: [.apt(["zlib1g-dev"])]),
    .target(name: "CZydis", linkerSettings: [.linkedLibrary("Zydis")]),
    .target(name: "CDemangle", linkerSettings: [.linkedLibrary("iberty")]),
    .target(name: "CLinux"),
    .target(
      name: "CAllocator", linkerSettings: [.linkedLibrary("jemalloc")]),

    // Pure values.
    .target(name: "AllocationModel"),

    // The machine.
    .target(
      name: "LinuxSystem",
      dependencies: ["CLinux", .product(name: "SystemPackage", package: "swift-system")]),
    .target(name: "BPFRuntime", dependencies: ["CLibBPF", "CLinux", "LinuxSystem"]),
    .target(
      name: "Processes",
      dependencies: [
        "AllocationModel", "CLinux", "LinuxSystem",
        .product(name: "SystemPackage", package: "swift-system"),
      ]),
    .target(
      name: "Executables",
      dependencies: [
        "AllocationModel", "CDemangle", "CElfutils", "CZydis", "LinuxSystem", "ProbeABI",
        "Processes", .product(name: "SystemPackage", package: "swift-system"),
      ]),
    .target(
      name: "Inspection",
      dependencies: [
        "AllocationModel", "CZlib", "Executables", "LinuxSystem", "Processes",
        .product(name: "SystemPackage", package: "swift-system"),
      ]),

    // What heaptap exists for.
    .target(
      name: "AllocationProbes",
      dependencies: [
        "AllocationModel", "BPFRuntime", "CLinux", "Executables", "LinuxSystem", "ProbeABI",
        "Processes", .product(name: "SystemPackage", package: "swift-system"),
      ]),
    .target(
      name: "Monitoring",
      dependencies: [
        "AllocationModel", "AllocationProbes", "BPFRuntime", "Executables", "Inspection",
        "LinuxSystem", "Processes", .product(name: "SystemPackage", package: "swift-system"),
      ]),

    // What people see.
    .target(name: "Presentation", dependencies: ["AllocationModel"]),
    .target(name: "Exporters", dependencies: ["AllocationModel", "Presentation"]),
    .target(
      name: "Recording",
      dependencies: ["AllocationModel", .product(name: "GRDB", package: "GRDB.swift")]),
    .target(
      name: "Serving",
      dependencies: [
        "LinuxSystem", "Yams", .product(name: "SystemPackage", package: "swift-system"),
      ]),
    .target(
      name: "WebService",
      dependencies: [
        "AllocationModel", "Exporters", "LinuxSystem", "Serving",
        .product(name: "Hummingbird", package: "hummingbird"),
        .product(name: "HummingbirdCore", package: "hummingbird"),
        .product(name: "HTTPTypes", package: "swift-http-types"),
        .product(name: "Logging", package: "swift-log"),
        .product(name: "NIOCore", package: "swift-nio"),
        .product(name: "NIOHTTPTypes", package: "swift-nio-extras"),
        .product(name: "NIOPosix", package: "swift-nio"),
        .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
      ]),
    .executableTarget(
      name: "heaptap",
      dependencies: [
        "AllocationModel", "AllocationProbes", "BPFRuntime", "CAllocator", "Executables",
        "Exporters", "Inspection", "LinuxSystem", "Monitoring", "Presentation", "Processes",
        "Recording",
        "Serving",
        "WebService",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
        .product(name: "SystemPackage", package: "swift-system"),
      ]),
    .executableTarget(
      name: "heaptap-bench",
      dependencies: [
        "AllocationModel", "AllocationProbes", "BPFRuntime", "Executables", "LinuxSystem",
        "Monitoring", "Processes", .product(name: "SystemPackage", package: "swift-system"),
      ]),

    .target(name: "TestSupport", path: "Tests/TestSupport"),
    // The kernel programs' own headers, compiled for user space. The shim stands in for headers that they include,
    // so it comes first. Optimised, as races hide in slow code; and once more with a call before each memory access.
    .target(
      name: "ProbeLogic", path: "Tests/ProbeLogic", exclude: ["Interleavings"],
      cSettings: [
        .headerSearchPath("shim"), .headerSearchPath("../../bpf/include"),
        .headerSearchPath("../../bpf/lib"), .unsafeFlags(["-O2"]),
      ]),
    .target(
      name: "ProbeInterleavings", path: "Tests/ProbeLogic/Interleavings",
      cSettings: [
        .headerSearchPath("../shim"), .headerSearchPath(".."),
        .headerSearchPath("../../../bpf/include"), .headerSearchPath("../../../bpf/lib"),
        .unsafeFlags(["-O1", "-fsanitize-coverage=func,trace-loads,trace-stores"]),
      ]),
    .testTarget(
      name: "AllocationModelTests", dependencies: ["AllocationModel", "TestSupport"]),
    .testTarget(
      name: "PresentationTests", dependencies: ["AllocationModel", "Presentation", "TestSupport"],
      exclude: ["Goldens", "Inspection/Goldens"]),
    .testTarget(
      name: "ExportersTests", dependencies: ["AllocationModel", "Exporters", "TestSupport"],
      exclude: ["Goldens", "Inspection/Goldens"]),
    .testTarget(
      name: "ExecutablesTests",
      dependencies: [
        "AllocationModel", "CElfutils", "Executables", "LinuxSystem", "ProbeABI", "Processes",
        "TestSupport",
      ]),
    .testTarget(
      name: "InspectionTests",
      dependencies: [
        "AllocationModel", "Executables", "Inspection", "LinuxSystem", "Processes", "TestSupport",
      ],
      exclude: ["Programs"]),
    .testTarget(
      name: "ProcessesTests", dependencies: ["AllocationModel", "Processes", "TestSupport"]),
    .testTarget(
      name: "AllocationProbesTests",
      dependencies: [
        "AllocationModel", "AllocationProbes", "BPFRuntime", "Executables", "ProbeABI",
        "ProbeInterleavings", "ProbeLogic", "Processes", "TestSupport",
      ]),
    .testTarget(
      name: "MonitoringTests",
      dependencies: [
        "AllocationModel", "AllocationProbes", "BPFRuntime", "Executables", "LinuxSystem",
        "Monitoring", "Processes", "TestSupport",
      ]),
    .testTarget(
      name: "RecordingTests", dependencies: ["AllocationModel", "Recording", "TestSupport"]),
    .testTarget(
      name: "ServingTests", dependencies: ["Serving", "TestSupport"],
      exclude: ["Goldens"]),
    .testTarget(
      name: "WebServiceTests",
      dependencies: [
        "AllocationModel", "Exporters", "LinuxSystem", "Serving", "TestSupport", "WebService",
      ]),
    .testTarget(name: "KernelTests", dependencies: ["TestSupport"]),
  ],
  swiftLanguageModes: [.v6],
  cLanguageStandard: .c2x
)

for target in package.targets where ![.system, .plugin, .binary].contains(target.type) {
  var settings = target.swiftSettings ?? []
  settings += [
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
    .enableUpcomingFeature("InferIsolatedConformances"),
    .treatAllWarnings(as: .error),
  ]
  target.swiftSettings = settings
}
