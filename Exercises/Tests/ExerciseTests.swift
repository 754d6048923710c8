// ExerciseTests: the checks of the exercises accept the lesson's code, refuse the stubs, and name
// what differs.

import Foundation
import Support
import Testing

@testable import Exercise
@testable import Lesson

@Suite struct ExerciseTests {
    private let model: Model

    init() throws { model = try Model() }

    /// The checks of every chapter, of the lesson's code or the full variant's.
    private var lesson: [(Model) -> [Check]] {
        [
            LessonTokens(tokenizer: model.tokenizer).checks, LessonAttention().checks,
            LessonRoPE().checks, LessonCache(heads: 1, headSize: 2).checks,
            LessonBlock(weights: model.weights).checks, FullSampling().checks,
        ]
    }

    @Test func `the lesson's code passes every check`() {
        #expect(lesson.count == Chapter.all.count)
        for (chapter, checks) in zip(Chapter.all, lesson) {
            for check in checks(model) {
                let difference = check.difference()
                #expect(difference == nil, "chapter \(chapter.number), \(check.name)")
            }
        }
    }

    /// Whether git knows the stubs as they are: a reader's solution is no failure.
    private static let stubsAreUntouched: Bool = {
        let git = Process()
        git.executableURL = URL(filePath: "/usr/bin/env")
        git.arguments = ["git", "diff", "--quiet", "HEAD", "--", "../Sources/Stubs"]
        git.currentDirectoryURL = URL(filePath: #filePath).deletingLastPathComponent()
        git.standardError = FileHandle.nullDevice
        guard (try? git.run()) != nil else { return false }
        git.waitUntilExit()
        return git.terminationStatus == 0
    }()

    @Test(
        .enabled(if: stubsAreUntouched, "needs the stubs as git has them"),
        arguments: Chapter.all.map(\.number))
    func `a stub fails every check, and its chapter says how many there are`(
        number: Int
    ) throws {
        let checks = Chapter.all[number - 1].checks(model)
        for check in checks { #expect(check.difference() != nil, "\(check.name)") }
        #expect(try course(number).contains("\n0 of \(checks.count) checks pass.\n"))
    }

    @Test func `the probabilities in chapter 2 are the model's`() throws {
        let p = model.attentionProbabilities("Lily wanted to play with a ball", layer: 2)
        let tokens = try model.tokenizer.encode("Lily wanted to play with a ball")
            .map(model.tokenizer.spelling)
        let (lily, with) = (tokens.firstIndex(of: " Lily")!, tokens.firstIndex(of: " with")!)
        let named = [p[3, with, lily], p[1, tokens.count - 1, with]]
            .map { String(format: "%.2f", $0) }
        let text = try course(2).replacing("\n", with: " ")
        #expect(text.contains("\" with\" gives \" Lily\" the probability \(named[0])"))
        #expect(text.contains("\" ball\" gives \" with\" \(named[1])"))
    }

    /// The text of a chapter.
    private func course(_ number: Int) throws -> String {
        let folder = URL(filePath: #filePath).deletingLastPathComponent()
            .appending(path: "../../docs/course").standardized
        let file = try #require(
            FileManager.default.contentsOfDirectory(atPath: folder.path)
                .first { $0.hasPrefix("\(number)-") })
        return try String(contentsOf: folder.appending(path: file), encoding: .utf8)
    }

    @Test func `a wrong shape, a wrong number and a wrong row are named`() {
        let expected = Grid([2, 2], [1, 2, 3, -.infinity])
        func difference(_ found: Tensor) -> String? { expected.difference(from: found) }
        #expect(difference(Tensor([1, 2, 3, -.infinity], shape: [2, 2])) == nil)
        #expect(difference(Tensor([1, 2, 3.0001, -.infinity], shape: [2, 2])) == nil)
        #expect(difference(zeros(2, 3)) == "expected shape [2, 2], found shape [2, 3]")
        #expect(difference(zeros(4)) == "expected shape [2, 2], found shape [4]")
        #expect(
            difference(Tensor([1, 2, 4, 0], shape: [2, 2]))
                == "shape [2, 2] is right, but at [1, 0] expected 3.0, found 4.0")
        #expect(
            difference(Tensor([1, 2, 3, .nan], shape: [2, 2]))
                == "shape [2, 2] is right, but at [1, 1] expected -inf, found nan")
        let rows = Check("rows", [0, 2, 1]) { [0, 1, 2] }
        #expect(rows.difference() == "expected [0, 2, 1], found [0, 1, 2]")
    }

    @Test func `a run counts the checks that pass and names the first that differs`() throws {
        let chapter = Chapter(number: 3, title: "RoPE") { _ in
            [
                Check("a", Grid([1], [1])) { Tensor([1]) }, Check("b", [1]) { [2] },
                Check("c", [1]) { [3] },
            ]
        }
        let done = Chapter(number: 1, title: "tokens") { _ in [Check("a", [1]) { [1] }] }
        #expect(try done.run(model) { _ in })

        var text = ""
        #expect(try !chapter.run(model) { text += $0 })
        #expect(
            text == """
                Chapter 3: RoPE
                  a: ok
                  b: expected [1], found [2]
                  c: expected [1], found [3]
                1 of 3 checks pass.
                The first that differs: b. Your turn in Exercises/Sources/Stubs/Chapter3.swift

                """)
    }
}
