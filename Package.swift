// swift-tools-version: 6.0
import PackageDescription

// Kernels are compiled for this machine: its widest vectors and fused multiply-add. Debug builds
// optimise them too, so that `swift test` is quick.
#if arch(x86_64)
    let machine = ["-Xcc", "-march=native"]
#else
    let machine = ["-Xcc", "-mcpu=native"]
#endif

// On Linux, the compiler finds libsentencepiece by itself; on macOS, it is in Homebrew's folder.
#if os(macOS) && arch(arm64)
    let homebrew = "/opt/homebrew"
#else
    let homebrew = "/usr/local"
#endif

let package = Package(
    name: "CompactLlama",
    platforms: [.macOS(.v15)],
    products: [
        .executable(name: "compact-llama", targets: ["CompactLlama"]),
        .executable(name: "full-llama", targets: ["FullLlama"]),
        .executable(name: "llama-weights", targets: ["WeightTool"]),
        .library(name: "Support", targets: ["Support"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.5.0"),
        .package(url: "https://github.com/apple/swift-log", from: "1.6.0"),
        .package(url: "https://github.com/hummingbird-project/swift-mustache", from: "2.1.1"),
    ],
    targets: [
        .executableTarget(
            name: "CompactLlama",
            dependencies: [
                "Support",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ]),
        .executableTarget(
            name: "FullLlama",
            dependencies: [
                "CSignals", "Support",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "Mustache", package: "swift-mustache"),
            ],
            resources: [
                .embedInCode("Report/lesson.txt"), .embedInCode("Report/page.css"),
                .embedInCode("Report/page.html"), .embedInCode("Report/page.js"),
            ]),
        .executableTarget(
            name: "WeightTool",
            dependencies: [
                "Support",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ]),
        .target(
            name: "Support",
            dependencies: [
                "CIntrinsics", "CSentencePiece", "CSignals",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ],
            swiftSettings: [
                .unsafeFlags(machine),
                .unsafeFlags(["-O", "-assert-config", "Debug"], .when(configuration: .debug)),
            ]),
        .target(name: "CIntrinsics"),
        .target(name: "CSignals"),
        .target(
            name: "CSentencePiece", dependencies: ["CSignals"],
            cxxSettings: [.unsafeFlags(["-I\(homebrew)/include"], .when(platforms: [.macOS]))],
            linkerSettings: [
                .linkedLibrary("sentencepiece"),
                .unsafeFlags(["-L\(homebrew)/lib"], .when(platforms: [.macOS])),
            ]),
    ],
    cxxLanguageStandard: .cxx17
)

// The tests use raw identifiers, which need Swift 6.2.
#if compiler(>=6.2)
    package.targets += [
        .target(
            name: "TestSupport", path: "Tests/TestSupport",
            swiftSettings: [.unsafeFlags(["-O"], .when(configuration: .debug))]),
        .target(
            name: "Inputs", dependencies: ["Support", "TestSupport"],
            path: "FuzzTesting/Sources/Inputs"),
        .testTarget(
            name: "SupportTests",
            dependencies: ["CIntrinsics", "Inputs", "Support", "TestSupport"]),
        .testTarget(
            name: "CompactLlamaTests", dependencies: ["CompactLlama", "Support", "TestSupport"]),
        .testTarget(
            name: "FullLlamaTests",
            dependencies: ["CompactLlama", "FullLlama", "Support", "TestSupport"]),
        .testTarget(
            name: "WeightToolTests",
            dependencies: ["CompactLlama", "Support", "TestSupport", "WeightTool"]),
    ]
#endif
