// Element: the element types of weights. All arithmetic is in Float: kernels widen half-precision
// values, without loss, as they load them.

import CIntrinsics

/// The element type of a tensor.
public enum ElementType: String, Sendable, CaseIterable {
    case float32 = "F32"
    case float16 = "F16"
    case bfloat16 = "BF16"
    case q8 = "Q8_0"
    case q4 = "Q4_0"
    case q4K = "Q4_K"
    case q5K = "Q5_K"
    case q6K = "Q6_K"

    /// The types with one number per element. The others keep blocks of elements.
    package static let numbers = [float32, float16, bfloat16]
    package var isQuantized: Bool { blockSize > 1 }
    /// This type, or F32 if it is quantised.
    var number: ElementType { isQuantized ? .float32 : self }

    /// The elements of one block, and its bytes.
    var blockSize: Int { block.size }
    var blockByteCount: Int { block.byteCount }

    private var block: (size: Int, byteCount: Int) {
        switch self {
        case .float32: (1, 4)
        case .float16, .bfloat16: (1, 2)
        case .q8: (32, 34)
        case .q4: (32, 18)
        case .q4K: (256, 144)
        case .q5K: (256, 176)
        case .q6K: (256, 210)
        }
    }

    /// The multiple of which an element's address must be.
    var alignment: Int { isQuantized ? 1 : blockByteCount }

    /// The bytes of this many elements, whole blocks.
    package func byteCount(_ elements: Int) -> Int { elements / blockSize * blockByteCount }
}

/// An element type that kernels load as Float, one value or eight at a time.
protocol Element {
    static func load8(_ p: UnsafePointer<Self>) -> SIMD8<Float>
    var widened: Float { get }
}

extension Element {
    @inline(__always)
    static func load16(_ p: UnsafePointer<Self>) -> SIMD16<Float> {
        SIMD16(lowHalf: load8(p), highHalf: load8(p + 8))
    }
}

extension Float: Element {
    @inline(__always)
    static func load8(_ p: UnsafePointer<Float>) -> SIMD8<Float> {
        UnsafeRawPointer(p).loadUnaligned(as: SIMD8<Float>.self)
    }

    @inline(__always)
    var widened: Float { self }
}

/// IEEE 754 half precision: 5 bits of exponent, 10 of fraction.
struct Half: Element {
    let bits: UInt16

    @inline(__always)
    static func load8(_ p: UnsafePointer<Half>) -> SIMD8<Float> { widen_half8(p) }

    @inline(__always)
    var widened: Float { widen_half(bits) }
}

/// The upper half of a Float: 8 bits of exponent, 7 of fraction.
struct BFloat16: Element {
    let bits: UInt16

    @inline(__always)
    static func load8(_ p: UnsafePointer<BFloat16>) -> SIMD8<Float> {
        let bits = UnsafeRawPointer(p).loadUnaligned(as: SIMD8<UInt16>.self)
        return unsafeBitCast(SIMD8<UInt32>(truncatingIfNeeded: bits) &<< 16, to: SIMD8<Float>.self)
    }

    @inline(__always)
    var widened: Float { Float(bitPattern: UInt32(bits) << 16) }
}
