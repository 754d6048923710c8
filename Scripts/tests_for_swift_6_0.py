#!/usr/bin/env python3
"""Rewrites SupportTests for Swift 6.0, in a copy of the project that the argument names.

check-portable.sh uses it to run them on arm64. Swift 6.0 has no raw identifiers. In its testing library
#expect(throws:) returns nothing, and there are no exit tests: the tests that contain one are left out.
"""
import itertools
import pathlib
import re
import sys

root = pathlib.Path(sys.argv[1])
numbers = itertools.count(1)

HELPER = """
import Testing

func caught<E: Error>(
    _ type: E.Type, sourceLocation: SourceLocation = #_sourceLocation, _ body: () throws -> Any
) -> E? {
    do {
        _ = try body()
        Issue.record("no error", sourceLocation: sourceLocation)
    } catch {
        if let error = error as? E { return error }
        Issue.record("\\(error)", sourceLocation: sourceLocation)
    }
    return nil
}

func caught<E: Error & Equatable>(
    _ expected: E, sourceLocation: SourceLocation = #_sourceLocation, _ body: () throws -> Any
) -> E? {
    let error = caught(E.self, sourceLocation: sourceLocation, body)
    #expect(error == expected, sourceLocation: sourceLocation)
    return error
}
"""


def named(test: re.Match) -> str:
    """`@Test(arguments: x) func `a name`` becomes `@Test("a name", arguments: x) func test7`."""
    arguments, space, name = test[1], test[2], test[3]
    traits = f'("{name}", {arguments[1:]}' if arguments else f'("{name}")'
    return f"@Test{traits}{space}func test{next(numbers)}"


for path in (root / "Tests/SupportTests").rglob("*.swift"):
    text = path.read_text()
    # every member of a suite ends in a brace with its own indentation
    text = re.sub(
        r"^    @Test(?:(?!^    }\n).)*?processExitsWith.*?^    }\n", "", text, flags=re.S | re.M
    )
    text = re.sub(r"@Test(\((?:(?!@Test).)*?\))?(\s+)func `([^`]+)`", named, text, flags=re.S)
    text = re.sub(r"= #expect\(\s*throws: ", "= caught(", text)
    path.write_text(text)
(root / "Tests/SupportTests/Caught.swift").write_text(HELPER)

manifest = root / "Package.swift"
text = manifest.read_text().replace("#if compiler(>=6.2)", "#if compiler(>=6.0)")
text = re.sub(r"        \.testTarget\(\s+name: \"(?!SupportTests).*?\]\),\n", "", text, flags=re.S)
manifest.write_text(text)
