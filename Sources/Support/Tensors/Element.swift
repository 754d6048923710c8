// Element: the element types of weights. All arithmetic is in Float: kernels widen half-precision
// values, without loss, as they load them.

import CIntrinsics

/// The element type of a tensor.
public enum ElementType: String, Sendable, CaseIterable {
    case float32 = "F32"
    case float16 = "F16"
    case bfloat16 = "BF16"

    /// The size of one element in bytes.
    public var size: Int { self == .float32 ? 4 : 2 }
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
