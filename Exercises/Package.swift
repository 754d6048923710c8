// swift-tools-version: 6.0
// Exercises: the layers of the lesson, to be written anew by the reader of docs/course. `make
// exercise` and `make test` build this package with --scratch-path .build, beside the main one.
import PackageDescription

let package = Package(
    name: "Exercises",
    platforms: [.macOS(.v15)],
    products: [.executable(name: "exercise", targets: ["Exercise"])],
    dependencies: [.package(name: "CompactLlama", path: "..")],
    targets: [
        .executableTarget(
            name: "Exercise",
            dependencies: [.product(name: "Support", package: "CompactLlama")],
            path: "Sources")
    ]
)

// The tests use raw identifiers, which need Swift 6.2. Only tests can import the lesson: it is a
// program, and a link to its file makes it a target of this package.
#if compiler(>=6.2)
    package.dependencies += [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.5.0")
    ]
    package.targets += [
        .executableTarget(
            name: "Lesson",
            dependencies: [
                .product(name: "Support", package: "CompactLlama"),
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ],
            path: "Lesson"),
        .testTarget(
            name: "ExerciseTests", dependencies: ["Exercise", "Lesson"], path: "Tests"),
    ]
#endif
