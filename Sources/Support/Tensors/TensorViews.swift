// TensorViews: reshaping, transposing, selecting and slicing, as in numpy. The results are views:
// nothing is copied if strides can express them.

extension Tensor {
    /// The same elements in another shape: a view if strides can express it, otherwise a copy.
    /// - Precondition: both shapes have the same number of elements.
    public func reshaped(_ sizes: Int...) -> Tensor { reshaped(to: Shape(sizes)) }

    public func reshaped(to new: Shape) -> Tensor {
        precondition(new.count == shape.count, "cannot reshape \(shape) to \(new)")
        guard let strides = strides(reshapedTo: new) else { return contiguous().reshaped(to: new) }
        return Tensor(storage: storage, offset: offset, shape: new, strides: strides)
    }

    /// A view with two axes swapped, by default the last two.
    public func transposed(_ a: Int = -2, _ b: Int = -1) -> Tensor {
        Tensor(
            storage: storage, offset: offset,
            shape: shape.swapping(a, b), strides: strides.swapping(a, b))
    }

    /// A view of one index of an axis, without that axis, like `x[..., index]` in numpy.
    public func selecting(_ index: Int, axis: Int) -> Tensor {
        let axis = shape.index(of: axis)
        let size = shape[axis]
        let position = index < 0 ? index + size : index
        precondition(
            position >= 0 && position < size, "no index \(index) on axis \(axis) of \(shape)")
        return Tensor(
            storage: storage, offset: offset + position * strides[axis],
            shape: shape.removing(axis), strides: strides.removing(axis))
    }

    /// A view of one index of the first axis; a negative index counts from the end.
    public subscript(index: Int) -> Tensor { selecting(index, axis: 0) }

    /// A view of a range of the first axis.
    public subscript(range: Range<Int>) -> Tensor {
        precondition(
            range.lowerBound >= 0 && range.upperBound <= shape[0], "no rows \(range) in \(shape)")
        var part = shape
        part[0] = range.count
        return Tensor(
            storage: storage, offset: offset + range.lowerBound * strides[0],
            shape: part, strides: strides)
    }

    /// A copy of the named rows of the first axis, like `table[tokens]` in numpy.
    public subscript(rows: [Int]) -> Tensor {
        var result = shape
        result[0] = rows.count
        let rowSize = shape.count / Swift.max(shape[0], 1)
        return Tensor(shape: result) { out in
            for (i, row) in rows.enumerated() {
                copy(self[row], to: out + i * rowSize)
            }
        }
    }

    /// A view with a new axis of size 1, like `np.expand_dims`.
    public func expandedDimensions(axis: Int) -> Tensor {
        let axis = axis < 0 ? axis + shape.rank + 1 : axis
        return Tensor(
            storage: storage, offset: offset,
            shape: shape.inserting(1, at: axis), strides: strides.inserting(0, at: axis))
    }

    /// The strides after broadcasting to `target`, 0 along stretched axes.
    func strides(broadcastTo target: Shape) -> Shape {
        let isStretched = shape.lanes .!= target.lanes
        return Shape(rank: target.rank, lanes: strides.lanes.replacing(with: 0, where: isStretched))
    }

    /// The strides of a reshaped view, or nil if only a copy can have that shape. The loop matches
    /// groups of old and new axes with equal products.
    private func strides(reshapedTo new: Shape) -> Shape? {
        if isContiguous || shape.count == 0 { return new.rowMajorStrides }
        var result = new.rowMajorStrides
        var (old, next) = (0, 0)
        while old < shape.rank && next < new.rank {
            var (oldEnd, nextEnd) = (old + 1, next + 1)
            var (oldCount, nextCount) = (shape[old], new[next])
            while oldCount != nextCount {
                if oldCount < nextCount {
                    oldCount *= shape[oldEnd]
                    oldEnd += 1
                } else {
                    nextCount *= new[nextEnd]
                    nextEnd += 1
                }
            }
            // within the old group, the axes longer than 1 must be contiguous with each other
            var step: Int?
            var extent = 0
            for axis in stride(from: oldEnd - 1, through: old, by: -1) where shape[axis] != 1 {
                if step == nil {
                    step = strides[axis]
                    extent = strides[axis]
                }
                if strides[axis] != extent { return nil }
                extent *= shape[axis]
            }
            var stride = step ?? 0
            for axis in (next..<nextEnd).reversed() {
                result[axis] = stride
                stride *= new[axis]
            }
            (old, next) = (oldEnd, nextEnd)
        }
        while next < new.rank {  // the remaining axes have size 1
            result[next] = 0
            next += 1
        }
        return result
    }
}
