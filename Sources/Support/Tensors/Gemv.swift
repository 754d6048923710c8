// Gemv: the kernels for one to three rows, which memory bandwidth limits. They read each weight
// once, in two streams at a time, one from each half of the matrix.

extension MatrixProduct {
    /// For a transposed weight: each result is the dot product of two contiguous rows. It computes
    /// two columns at a time, half of the range apart, which is up to 25 % faster than one at a
    /// time. Adjacent columns would interrupt each other's stream.
    func gemvOfRows<E: Element>(
        _ a: Pointer, _ b: UnsafePointer<E>, _ out: MutablePointer, _ columns: Range<Int>
    ) {
        let half = (columns.count + 1) / 2
        for j in columns.lowerBound..<columns.lowerBound + half {
            let other = min(j + half, columns.upperBound - 1)
            for i in 0..<m {
                let pair = dotProducts(
                    a + i * aStrides.row, b + j * bStrides.column, b + other * bStrides.column)
                (out[i * n + j], out[i * n + other]) = (pair[0], pair[1])
            }
        }
    }

    /// The dot products of one contiguous row of `a` with two columns of `b`. Each has two sums of
    /// eight Floats, so that a multiply-add need not wait for the previous one.
    @inline(__always)
    private func dotProducts<E: Element>(
        _ a: Pointer, _ b: UnsafePointer<E>, _ c: UnsafePointer<E>
    ) -> SIMD2<Float> {
        let zero = SIMD8<Float>.zero
        var (b0, b1, c0, c1) = (zero, zero, zero, zero)
        var i = 0
        while i &+ 16 <= k {
            let (x0, x1) = (Float.load8(a + i), Float.load8(a + i + 8))
            b0.addProduct(x0, E.load8(b + i))
            b1.addProduct(x1, E.load8(b + i + 8))
            c0.addProduct(x0, E.load8(c + i))
            c1.addProduct(x1, E.load8(c + i + 8))
            i &+= 16
        }
        if i &+ 8 <= k {
            let x = Float.load8(a + i)
            b0.addProduct(x, E.load8(b + i))
            c0.addProduct(x, E.load8(c + i))
            i &+= 8
        }
        var sums = SIMD2((b0 + b1).horizontalSum, (c0 + c1).horizontalSum)
        while i < k {
            sums += a[i] * SIMD2(b[i].widened, c[i].widened)
            i += 1
        }
        return sums
    }

    /// For a row-major matrix: the weighted sum of its rows. It computes 32 or 16 columns at a
    /// time, so that a head takes few passes. With 16 only, decoding at position 2048 is 5 %
    /// slower.
    func gemvOfColumns<E: Element>(
        _ a: Pointer, _ b: UnsafePointer<E>, _ out: MutablePointer, _ columns: Range<Int>
    ) {
        let half = k / 2
        let halfOffset = half * bStrides.row
        for i in 0..<m {
            let (weights, sums) = (a + i * aStrides.row, out + i * n)
            var j = columns.lowerBound
            while j + 16 <= columns.upperBound {
                // 32 columns, or the same 16 twice if fewer are left
                let next = j + 32 <= columns.upperBound ? 16 : 0
                var (u0, u1) = (Lanes.zero, Lanes.zero)
                var (l0, l1) = (Lanes.zero, Lanes.zero)
                var row = b + j
                for step in 0..<half {
                    u0.addProduct(E.load16(row), weights[step])
                    u1.addProduct(E.load16(row + next), weights[step])
                    l0.addProduct(E.load16(row + halfOffset), weights[step + half])
                    l1.addProduct(E.load16(row + halfOffset + next), weights[step + half])
                    row += bStrides.row
                }
                if k % 2 == 1 {
                    u0.addProduct(E.load16(row + halfOffset), weights[k - 1])
                    u1.addProduct(E.load16(row + halfOffset + next), weights[k - 1])
                }
                store(u0 + l0, sums + j)
                store(u1 + l1, sums + j + next)
                j += 16 + next
            }
            while j + 8 <= columns.upperBound {
                var sum = SIMD8<Float>.zero
                for row in 0..<k {
                    sum.addProduct(E.load8(b + row * bStrides.row + j), weights[row])
                }
                store(sum, sums + j)
                j += 8
            }
            for j in j..<columns.upperBound {
                var sum: Float = 0
                for row in 0..<k { sum += weights[row] * b[row * bStrides.row + j].widened }
                sums[j] = sum
            }
        }
    }
}
