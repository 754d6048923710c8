// MachineLimits: measures the memory bandwidth and the arithmetic speed of this machine, with loops
// that do nothing else, on the threads that matmul uses. The benchmark reports them.

import Synchronization

public struct MachineLimits {
    private let matrices: [Tensor]  // owns the memory of the blocks
    private let blocks: [UnsafeRawBufferPointer]
    private let clock = ContinuousClock()

    /// - Parameter reading: the matrices of a model, contiguous.
    public init(reading matrices: [Tensor]) {
        self.matrices = matrices
        blocks = matrices.flatMap { matrix in
            matrix.withBytes { bytes in
                stride(from: 0, to: bytes.count, by: 1 << 18).map { start in
                    UnsafeRawBufferPointer(rebasing: bytes[start...].prefix(1 << 18))
                }
            }
        }
    }

    /// The memory bandwidth in bytes per second: reads all matrices once and sums their words.
    public func bandwidth() -> Double {
        let time = clock.measure {
            withExtendedLifetime(matrices) {
                ThreadPool.shared.run(blocks.count) { keep(sum(blocks[$0])) }
            }
        }
        return Double(blocks.reduce(0) { $0 + $1.count }) / time.inSeconds
    }

    /// The arithmetic speed in floating-point operations per second, of fused multiply-adds on
    /// registers.
    public func multiplyAdds() -> Double {
        let (tasks, rounds) = (16 * ThreadCount.current, 1 << 14)
        let time = clock.measure {
            ThreadPool.shared.run(tasks) { _ in keep(multiplyAdd(rounds).bitPattern) }
        }
        return Double(tasks * rounds * 12 * 16 * 2) / time.inSeconds
    }

    private func sum(_ bytes: UnsafeRawBufferPointer) -> UInt32 {
        func lanes(_ i: Int) -> SIMD8<UInt32> {
            bytes.baseAddress!.loadUnaligned(fromByteOffset: i, as: SIMD8<UInt32>.self)
        }
        var (s0, s1) = (SIMD8<UInt32>.zero, SIMD8<UInt32>.zero)
        var (s2, s3) = (SIMD8<UInt32>.zero, SIMD8<UInt32>.zero)
        var i = 0
        while i + 128 <= bytes.count {
            s0 &+= lanes(i)
            s1 &+= lanes(i + 32)
            s2 &+= lanes(i + 64)
            s3 &+= lanes(i + 96)
            i += 128
        }
        return ((s0 &+ s1) &+ (s2 &+ s3)).wrappedSum()
    }

    /// Twelve independent chains of 16 Floats keep every unit busy despite the latency of each
    /// multiply-add.
    private func multiplyAdd(_ rounds: Int) -> Float {
        let (x, y) = (SIMD16<Float>(repeating: 0.999), SIMD16<Float>(repeating: 0.001))
        var (c0, c1, c2, c3) = (y, y, y, y)
        var (c4, c5, c6, c7) = (y, y, y, y)
        var (c8, c9, c10, c11) = (y, y, y, y)
        for _ in 0..<rounds {
            c0 = y.addingProduct(c0, x)
            c1 = y.addingProduct(c1, x)
            c2 = y.addingProduct(c2, x)
            c3 = y.addingProduct(c3, x)
            c4 = y.addingProduct(c4, x)
            c5 = y.addingProduct(c5, x)
            c6 = y.addingProduct(c6, x)
            c7 = y.addingProduct(c7, x)
            c8 = y.addingProduct(c8, x)
            c9 = y.addingProduct(c9, x)
            c10 = y.addingProduct(c10, x)
            c11 = y.addingProduct(c11, x)
        }
        let sums = ((c0 + c1) + (c2 + c3)) + ((c4 + c5) + (c6 + c7)) + ((c8 + c9) + (c10 + c11))
        return sums.sum()
    }

    private static let kept = Atomic<UInt32>(0)

    /// Keeps the compiler from removing the computation of an unused value.
    private func keep(_ value: UInt32) { MachineLimits.kept.store(value, ordering: .relaxed) }
}
