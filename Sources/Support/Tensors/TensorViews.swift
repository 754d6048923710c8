// TensorViews: reshaping, transposing, selecting and slicing, as in numpy. The results are views;
// reshaped copies elements that are not contiguous.

extension Tensor {
    /// The same elements in another shape: a view if they are contiguous, otherwise a copy.
    /// - Precondition: both shapes have the same number of elements.
    public func reshaped(_ sizes: Int...) -> Tensor { reshaped(to: Shape(sizes)) }

    public func reshaped(to new: Shape) -> Tensor {
        precondition(new.count == shape.count, "cannot reshape \(shape) to \(new)")
        let source = isContiguous ? self : contiguous()
        return Tensor(
            storage: source.storage, offset: source.offset, shape: new, strides: new.rowMajorStrides
        )
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
}
