// EncodingTests: Floats become halves and blocks as in ggml's own tools: blocks computed by hand,
// and the bytes of the `gguf` package of Python.

import TestSupport
import Testing

@testable import Support

@Suite struct EncodingTests {
    /// A block of 32 values: the given ones, then zeros.
    private func block(_ values: [Float]) -> [Float] {
        values + Array(repeating: 0, count: 32 - values.count)
    }

    @Test func `Q8_0 scales the largest to 127 and rounds halves away from zero`() throws {
        let bytes = try #require(
            ElementType.q8.bytes(of: block([127, 0.5, -0.5, 2.5, -2.5, 1.49, -126.6])))
        #expect(bytes.count == 34)
        #expect(bytes.prefix(2) == [0x00, 0x3C])  // 1 in half precision
        #expect(bytes[2..<10].map { Int8(bitPattern: $0) } == [127, 1, -1, 3, -3, 1, -127, 0])
        let negative = try #require(ElementType.q8.bytes(of: block([0, -254])))
        #expect(negative.prefix(4) == [0x00, 0x40, 0, UInt8(bitPattern: -127)])
    }

    @Test func `Q4_0 gives the largest magnitude the integer 0`() throws {
        var values = block([-8, 7, 8, 0.5, -0.5, 0.49, -7.6])
        values[16] = 1
        values[31] = -1
        let bytes = try #require(ElementType.q4.bytes(of: values))
        #expect(bytes.count == 18)
        #expect(bytes.prefix(2) == [0x00, 0x3C])
        // value + 8.5, truncated, at most 15: in the low half; 16 positions on: in the high half
        #expect(
            bytes[2...] == [
                0x90, 0x8F, 0x8F, 0x89, 0x88, 0x88, 0x80, 0x88, 0x88, 0x88, 0x88, 0x88, 0x88, 0x88,
                0x88, 0x78,
            ])
        // the first of two with the largest magnitude decides the sign: the scale is -1
        let positive = try #require(ElementType.q4.bytes(of: block([8, -8, 1])))
        #expect(positive.prefix(5) == [0x00, 0xBC, 0x80, 0x8F, 0x87])
    }

    @Test func `a block of zeros has the scale 0`() {
        let zeros = block([])
        #expect(ElementType.q8.bytes(of: zeros) == Array(repeating: 0, count: 34))
        #expect(
            ElementType.q4.bytes(of: zeros) == [0x00, 0x80] + Array(repeating: 0x88, count: 16))
        // the reciprocal of a scale may overflow
        let tiny = block([.leastNonzeroMagnitude * 1000, -.leastNonzeroMagnitude])
        #expect(ElementType.q8.bytes(of: tiny) == Array(repeating: 0, count: 34))
        #expect(
            ElementType.q4.bytes(of: tiny)?.dropFirst(2) == Array(repeating: 0x88, count: 16)[...])
    }

    @Test func `halves are rounded to nearest, ties to even`() {
        // 1 and a half, three halves of the last place; the largest below the overflow
        #expect(
            ElementType.float16.bytes(
                of: [1 + 0x1p-11, 1 + 0x3p-11, -2, 65519, 0x1p-24] as [Float])
                == [0x00, 0x3C, 0x02, 0x3C, 0x00, 0xC0, 0xFF, 0x7B, 0x01, 0x00])
        #expect(
            ElementType.bfloat16.bytes(of: [1 + 0x1p-8, 1 + 0x3p-8, -2] as [Float])
                == [0x80, 0x3F, 0x82, 0x3F, 0x00, 0xC0])
        #expect(ElementType.float32.bytes(of: [1, -2]) == [0, 0, 0x80, 0x3F, 0, 0, 0, 0xC0])
    }

    @Test(arguments: [
        (ElementType.float16, Float(65520)), (.bfloat16, .greatestFiniteMagnitude),
        (.q8, Float(65520 * 127)), (.q4, Float(65520 * 8)),
    ])
    func `values that are not finite in the type are none`(type: ElementType, value: Float) {
        for value in [value, .infinity, -.infinity, .nan] {
            #expect(type.bytes(of: block([1, value])) == nil)
        }
        #expect(type.bytes(of: block([1, value / 1.01])) != nil)
        #expect(ElementType.float32.bytes(of: [.nan])?.count == 4)
    }

    @Test(arguments: [
        (ElementType.q8, 0x8BE2_8B2A_478E_23CA as UInt64), (.q4, 0xF49A_229F_E30E_FEFC),
        (.float16, 0xC91B_08B7_521E_9CD0), (.bfloat16, 0x3C4E_E036_CEF8_FD12),
    ])
    func `4096 values have the bytes of gguf's quantize`(type: ElementType, hash: UInt64) throws {
        // the FNV-1a hash of what gguf.quants.quantize makes of these values in float32; blocks of
        // the second and third kind have ties in the magnitude and in the rounding
        let values = (0..<4096).map { i in
            let k = i * 2_654_435_761 % 4096 - 2048
            return i / 32 % 3 == 0
                ? Float(k) / 1000 : i / 32 % 3 == 1 ? Float(k) / 1024 : Float(k >> 6) / 16
        }
        let bytes = try #require(type.bytes(of: values))
        let found = bytes.reduce(0xCBF2_9CE4_8422_2325 as UInt64) {
            ($0 ^ UInt64($1)) &* 0x100_0000_01B3
        }
        #expect(found == hash)
    }
}
