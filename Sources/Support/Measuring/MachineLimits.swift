// MachineLimits: what this machine can do at best, measured with loops that do nothing else. They use
// the same threads as matmul.

import Synchronization

public enum MachineLimits {
    /// Bytes per second at which memory can be read, the median of `repeats` passes over a buffer of
    /// this size: larger than the last-level cache for memory, smaller for the cache.
    public static func readBandwidth(bytes: Int, repeats: Int = 7) -> Double {
        let count = max(bytes / 4, 1 << 12) & ~31
        let buffer = Tensor.full([count], 1)
        let pieces = 4 * ThreadCount.current
        return withExtendedLifetime(buffer) {
            let base = buffer.storage.base
            return median(repeats) {
                ThreadPool.shared.run(pieces) { piece in
                    let start = count / 32 * piece / pieces * 32
                    let end = count / 32 * (piece + 1) / pieces * 32
                    keep(sum(base + start, count: end - start))
                }
                return Double(count * 4)
            }
        }
    }

    /// Floating-point operations per second of fused multiply-adds on registers.
    public static func multiplyAddPeak(repeats: Int = 7) -> Double {
        let pieces = 16 * ThreadCount.current
        let rounds = 1 << 16
        return median(repeats) {
            ThreadPool.shared.run(pieces) { _ in keep(multiplyAdd(rounds)) }
            return Double(pieces * rounds * 12 * 16 * 2)
        }
    }

    /// The median rate of `work`, which returns how much it has done.
    private static func median(_ repeats: Int, _ work: () -> Double) -> Double {
        let clock = ContinuousClock()
        _ = work()
        let rates = (0..<repeats).map { _ in
            var amount = 0.0
            let time = clock.measure { amount = work() }
            return amount / (time / .seconds(1))
        }
        return rates.sorted()[repeats / 2]
    }

    private static func sum(_ p: Pointer, count: Int) -> Float {
        var (s0, s1) = (SIMD8<Float>.zero, SIMD8<Float>.zero)
        var (s2, s3) = (SIMD8<Float>.zero, SIMD8<Float>.zero)
        for i in stride(from: 0, to: count, by: 32) {
            s0 += Float.load8(p + i)
            s1 += Float.load8(p + i + 8)
            s2 += Float.load8(p + i + 16)
            s3 += Float.load8(p + i + 24)
        }
        return ((s0 + s1) + (s2 + s3)).sum()
    }

    /// Twelve chains of sixteen numbers, enough to keep every unit busy while one is under way.
    private static func multiplyAdd(_ rounds: Int) -> Float {
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

    /// Keeps the compiler from leaving out what nobody reads.
    private static func keep(_ value: Float) { kept.store(value.bitPattern, ordering: .relaxed) }
}
