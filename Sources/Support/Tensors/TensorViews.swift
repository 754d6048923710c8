// TensorViews: the same elements under another shape, as numpy's views: nothing is copied where
// strides can express the result.

extension Tensor {
    /// The same elements under another shape; a view if they are contiguous, otherwise a copy.
    /// - Precondition: both shapes have the same number of elements.
    public func reshaped(_ sizes: Int...) -> Tensor { reshaped(to: Shape(sizes)) }

    public func reshaped(to new: Shape) -> Tensor {
        precondition(new.count == shape.count, "cannot reshape \(shape) to \(new)")
        let source = isContiguous ? self : contiguous()
        return Tensor(
            storage: source.storage, offset: source.offset, shape: new, strides: new.rowMajorStrides
        )
    }

    /// Swaps two axes, the last two unless others are named; a view.
    public func transposed(_ a: Int = -2, _ b: Int = -1) -> Tensor {
        Tensor(
            storage: storage, offset: offset,
            shape: shape.swapping(a, b), strides: strides.swapping(a, b))
    }

    /// One index of an axis, without that axis: `x[..., index]` in numpy; a view.
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

    /// One index of the first axis, counted from the end if negative; a view.
    public subscript(index: Int) -> Tensor { selecting(index, axis: 0) }

    /// A range of the first axis; a view.
    public subscript(range: Range<Int>) -> Tensor {
        precondition(
            range.lowerBound >= 0 && range.upperBound <= shape[0], "no rows \(range) in \(shape)")
        var part = shape
        part[0] = range.count
        return Tensor(
            storage: storage, offset: offset + range.lowerBound * strides[0],
            shape: part, strides: strides)
    }

    /// The named rows of the first axis, copied: `table[tokens]`.
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

    /// A new axis of size 1, as `np.expand_dims`; a view.
    public func expandedDimensions(axis: Int) -> Tensor {
        let axis = axis < 0 ? axis + shape.rank + 1 : axis
        return Tensor(
            storage: storage, offset: offset,
            shape: shape.inserting(1, at: axis), strides: strides.inserting(0, at: axis))
    }

    /// The strides under a larger shape, 0 along the axes that are stretched.
    func strides(stretchedTo target: Shape) -> Shape {
        let isStretched = shape.lanes .!= target.lanes
        return Shape(rank: target.rank, lanes: strides.lanes.replacing(with: 0, where: isStretched))
    }
}
