// swift-tools-version: 6.0
// FuzzTesting: a program for each kind of input that may come from a stranger. fuzz.sh builds them with
// libFuzzer and the address sanitizer, and runs them. README.md says more.
import PackageDescription

let package = Package(
    name: "FuzzTesting",
    platforms: [.macOS(.v15)],
    dependencies: [.package(name: "CompactLlama", path: "..")],
    targets: [
        .target(
            name: "Inputs",
            dependencies: [.product(name: "Support", package: "CompactLlama"), "TestSupport"]),
        .target(name: "TestSupport"),
        .executableTarget(name: "MakeCorpus", dependencies: ["TestSupport"]),
    ]
)

// libFuzzer brings the main function.
for name in [
    "LMW", "Llama2c", "GGUF", "Safetensors", "Index", "Config", "Tokenizer", "Trace", "Decoder",
] {
    package.targets.append(
        .executableTarget(
            name: "Fuzz\(name)",
            dependencies: [
                "Inputs", "TestSupport", .product(name: "Support", package: "CompactLlama"),
            ]))
}
