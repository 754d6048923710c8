// TensorViewTests: shapes, reshaped, transposed, selecting and slices have the right elements.

import Support
import Testing

/// 0, 1, 2 ... in the given shape.
private func counting(_ sizes: Int...) -> Tensor {
    Tensor(0..<sizes.reduce(1, *)).reshaped(to: Shape(sizes))
}

@Suite struct ShapeTests {
    @Test func `negative axes count from the end`() {
        let shape: Shape = [2, 3, 4]
        #expect(shape[-1] == 4)
        #expect(shape[-3] == 2)
        #expect(shape.rank == 3)
        #expect(shape.count == 24)
        #expect(shape.description == "[2, 3, 4]")
    }

    @Test func `shapes of different rank are not equal`() {
        #expect(Shape([2]) != [2, 1])
        #expect(Shape([1, 2]) != [2])
        #expect(Shape([]).count == 1)
    }

    @Test func `a size can be replaced`() {
        var shape: Shape = [2, 3]
        shape[-1] = 7
        #expect(shape == [2, 7])
    }
}

@Suite struct TensorViewTests {
    @Test func `a list of values is a vector`() {
        let vector = Tensor([3, 1, 2])
        #expect(vector.shape == [3])
        #expect(vector.values == [3, 1, 2])
        #expect(Tensor([7], shape: []).shape == [])
        #expect(Tensor([7], shape: []).values == [7])
        #expect(Tensor(2..<5).values == [2, 3, 4])
    }

    @Test func `transposing swaps rows and columns`() {
        let matrix = counting(2, 3).transposed()
        #expect(matrix.shape == [3, 2])
        #expect(matrix.values == [0, 3, 1, 4, 2, 5])
        #expect(matrix.transposed().values == [0, 1, 2, 3, 4, 5])
    }

    @Test func `transposing swaps any two axes`() {
        let cube = counting(2, 2, 3).transposed(0, 1)
        #expect(cube.shape == [2, 2, 3])
        #expect(cube.values == [0, 1, 2, 6, 7, 8, 3, 4, 5, 9, 10, 11])
        #expect(counting(2, 3, 1).transposed(0, -1).shape == [1, 3, 2])
    }

    @Test func `reshaping a transposed tensor is row-major`() {
        #expect(counting(2, 3).transposed().reshaped(6).values == [0, 3, 1, 4, 2, 5])
        #expect(counting(2, 3).transposed().reshaped(2, 3).values == [0, 3, 1, 4, 2, 5])
    }

    @Test func `reshaping splits and joins axes of a transposed tensor`() {
        // [seq 2, heads 2, size 4] -> [heads, seq, size] -> pairs
        let heads = counting(2, 8).reshaped(2, 2, 4).transposed(0, 1)
        #expect(
            heads.reshaped(2, 2, 2, 2).values == [
                0, 1, 2, 3, 8, 9, 10, 11, 4, 5, 6, 7, 12, 13, 14, 15,
            ])
        #expect(
            heads.reshaped(4, 4).values == [0, 1, 2, 3, 8, 9, 10, 11, 4, 5, 6, 7, 12, 13, 14, 15])
        #expect(heads.transposed(0, 1).reshaped(2, 8).values == counting(2, 8).values)
    }

    @Test func `reshaping agrees with element order after any transposition`() {
        let sizes = [2, 3, 4]
        let targets: [Shape] = [
            [24], [2, 12], [12, 2], [4, 6], [1, 24, 1], [3, 2, 2, 2], [2, 1, 12],
        ]
        for (a, b) in [(0, 1), (0, 2), (1, 2), (1, 1)] {
            let view = counting(2, 3, 4).transposed(a, b)
            // every element's value is its index in the original
            var shape = sizes
            shape.swapAt(a, b)
            var expected: [Float] = []
            for i in 0..<shape[0] {
                for j in 0..<shape[1] {
                    for k in 0..<shape[2] {
                        var index = [i, j, k]
                        index.swapAt(a, b)
                        expected.append(Float((index[0] * 3 + index[1]) * 4 + index[2]))
                    }
                }
            }
            #expect(view.values == expected, "axes \(a) and \(b)")
            for target in targets {
                let reshaped = view.reshaped(to: target)
                #expect(reshaped.shape == target)
                #expect(reshaped.values == expected, "axes \(a) and \(b), to \(target)")
                #expect(reshaped.reshaped(to: view.shape).values == expected)
            }
        }
    }

    @Test func `axes of size 1 can be added and removed`() {
        let column = counting(3).expandedDimensions(axis: 1)
        #expect(column.shape == [3, 1])
        #expect(column.values == [0, 1, 2])
        #expect(counting(3).expandedDimensions(axis: 0).shape == [1, 3])
        #expect(counting(3).expandedDimensions(axis: -1).shape == [3, 1])
        #expect(counting(2, 3).expandedDimensions(axis: -2).shape == [2, 1, 3])
        let matrix = counting(2, 3).transposed()
        #expect(matrix.expandedDimensions(axis: 1).values == [0, 3, 1, 4, 2, 5])
        #expect(column.transposed().reshaped(1, 3, 1).values == [0, 1, 2])
        #expect(counting(2, 1, 3).transposed().reshaped(6).values == [0, 1, 2, 3, 4, 5])
    }

    @Test func `selecting takes one index of an axis`() {
        let cube = counting(2, 3, 4)
        #expect(cube.selecting(1, axis: 0).values == (12..<24).map(Float.init))
        #expect(cube.selecting(2, axis: 1).values == [8, 9, 10, 11, 20, 21, 22, 23])
        #expect(cube.selecting(-1, axis: -1).values == [3, 7, 11, 15, 19, 23])
        #expect(cube.selecting(-3, axis: 1).shape == [2, 4])
        #expect(cube.transposed().selecting(1, axis: 1).values == [1, 5, 9, 13, 17, 21])
        #expect(counting(3).selecting(1, axis: 0).shape == [])
        #expect(counting(3)[-1].values == [2])
    }

    @Test func `a range of rows is a view`() {
        let matrix = counting(4, 2)
        #expect(matrix[1..<3].values == [2, 3, 4, 5])
        #expect(matrix[0..<4].values == matrix.values)
        #expect(matrix[2..<2].shape == [0, 2])
        #expect(matrix[4..<4].values == [])
        #expect(matrix[1..<4][1..<2].values == [4, 5])
        #expect(matrix.transposed()[1..<2].values == [1, 3, 5, 7])
        #expect(matrix[1..<3].transposed().reshaped(4).values == [2, 4, 3, 5])
    }

    @Test func `rows are gathered in the given order, with repetitions`() {
        let matrix = counting(3, 2)
        #expect(matrix[[2, 0, 2]].values == [4, 5, 0, 1, 4, 5])
        #expect(matrix[[2, 0, 2]].shape == [3, 2])
        #expect(matrix[[Int]()].shape == [0, 2])
        #expect(matrix.transposed()[[1]].values == [1, 3, 5])
        #expect(counting(3)[[1, 1]].values == [1, 1])
        #expect(counting(2, 2, 2)[[1]].values == [4, 5, 6, 7])
    }

    @Test func `stacking joins along a new axis`() {
        let (a, b) = (Tensor([1, 2]), Tensor([3, 4]))
        #expect(stacked([a, b], axis: 0).values == [1, 2, 3, 4])
        #expect(stacked([a, b], axis: -1).values == [1, 3, 2, 4])
        #expect(stacked([a, b], axis: 1).shape == [2, 2])
        #expect(stacked([a], axis: -1).shape == [2, 1])
        let (m, n) = (counting(2, 3), counting(3, 2).transposed())
        #expect(stacked([m, n], axis: 1).shape == [2, 2, 3])
        #expect(stacked([m, n], axis: 1).values == [0, 1, 2, 0, 2, 4, 3, 4, 5, 1, 3, 5])
        #expect(stacked([m, n], axis: 2).values == [0, 0, 1, 2, 2, 4, 3, 1, 4, 3, 5, 5])
    }

    @Test(
        arguments: [
            (0, [9, 9, 9, 4, 9, 9]), (1, [1, 9, 9, 4, 5, 9]), (2, [1, 2, 9, 4, 5, 6]),
            (3, [1, 2, 3, 4, 5, 6]), (7, [1, 2, 3, 4, 5, 6]), (-1, [9, 9, 9, 9, 9, 9]),
            (-7, [9, 9, 9, 9, 9, 9]),
        ] as [(Int, [Float])])
    func `the upper triangle begins at the diagonal`(diagonal: Int, expected: [Float]) {
        var matrix = Tensor([1, 2, 3, 4, 5, 6], shape: [2, 3])
        matrix.fillUpperTriangle(diagonal: diagonal, with: 9)
        #expect(matrix.values == expected)
    }

    @Test func `the upper triangles of batches and views are filled, but not of copies`() {
        var batch = Tensor((1...12).map(Float.init), shape: [3, 1, 2, 2])
        let copy = batch
        batch.fillUpperTriangle(diagonal: 1, with: -.infinity)
        let expected = (1...12).map { $0 % 4 == 2 ? -.infinity : Float($0) }
        #expect(batch.values == expected)
        #expect(copy.values == (1...12).map(Float.init))
        var tall = Tensor([1, 2, 3, 4, 5, 6], shape: [2, 3]).transposed()
        tall.fillUpperTriangle(diagonal: 0, with: 0)
        #expect(tall.values == [0, 0, 2, 0, 3, 6])
    }

    @Test func `tensors without elements keep their shape`() {
        let none = Tensor([], shape: [2, 0, 3])
        #expect(none.values == [])
        #expect(none.transposed().shape == [2, 3, 0])
        #expect(none.transposed().reshaped(0, 5).shape == [0, 5])
        #expect(none.selecting(1, axis: 0).shape == [0, 3])
        #expect(none.selecting(2, axis: -1).values == [])
        #expect(none.expandedDimensions(axis: 0).shape == [1, 2, 0, 3])
    }
}
