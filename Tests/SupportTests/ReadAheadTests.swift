// ReadAhead: it foresees what is read in the same order again, and learns another order.

import Testing

@testable import Support

@Suite struct ReadAheadTests {
    private let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: 64, alignment: 8)

    /// Regions by number, and the number of what is foreseen after each.
    private func foreseen(_ numbers: [Int]) -> [Int] {
        let ahead = ReadAhead()
        let bytes = UnsafeRawBufferPointer(memory)
        return numbers.map { number in
            let next = ahead.follow(UnsafeRawBufferPointer(rebasing: bytes[number..<number + 1]))
            return next.baseAddress! - bytes.baseAddress!
        }
    }

    @Test func `the second round is foreseen, over its end too`() {
        #expect(foreseen([1, 2, 3, 1, 2, 3, 1]).suffix(4) == [2, 3, 1, 2])
    }

    @Test func `a round may begin anywhere`() {
        // a prompt multiplies with the classifier alone, a token with everything
        #expect(foreseen([9, 1, 2, 9, 1, 2, 9, 1]).suffix(4) == [2, 9, 1, 2])
    }

    @Test func `what came once before the rounds is forgotten`() {
        #expect(foreseen([8, 9, 1, 2, 3, 1, 2, 3, 1]).suffix(4) == [2, 3, 1, 2])
    }

    @Test func `another order is learnt`() {
        #expect(foreseen([1, 2, 3, 1, 2, 4, 5, 1, 2, 4, 5]).suffix(4) == [2, 4, 5, 1])
    }

    @Test func `memory read once and never again does not pile up`() {
        let ahead = ReadAhead()
        let bytes = UnsafeRawBufferPointer(start: UnsafeRawPointer(bitPattern: 1 << 20), count: 1)
        for number in 0..<10_000 {
            ahead.follow(UnsafeRawBufferPointer(start: bytes.baseAddress! + number, count: 1))
        }
        #expect(ahead.order.count <= 1 << 12)
    }
}
