// AppendTests: a tensor grows in place, as the KV cache does, without a change to any other tensor.

import TestSupport
import Testing

@testable import Support

private func row(_ values: Float...) -> Tensor { Tensor(values).expandedDimensions(axis: 0) }

@Suite struct AppendTests {
    @Test func `rows are appended to the first axis`() {
        var tensor = Tensor([1, 2, 3, 4], shape: [2, 2])
        tensor.append(row(5, 6), axis: 0)
        tensor.append(row(7, 8), axis: -2)
        #expect(tensor.shape == [4, 2])
        #expect(tensor.values == [1, 2, 3, 4, 5, 6, 7, 8])
    }

    @Test(arguments: [0, 1, 2]) func `any axis grows from size 0, in steps of any size`(axis: Int) {
        var sizes = [2, 3, 4]
        sizes[axis] = 0
        var tensor = Tensor([], shape: Shape(sizes))
        var parts: [Tensor] = []
        for step in [1, 2, 1, 0, 5, 1, 1, 17] {
            sizes[axis] = step
            let shape = Shape(sizes)
            let start = parts.reduce(0) { $0 + $1.shape.count }
            let part = Tensor(start..<start + shape.count).reshaped(to: shape)
            parts.append(part)
            tensor.append(part, axis: axis)
        }
        sizes[axis] = 28
        #expect(tensor.shape == Shape(sizes))
        // with the growing axis first, the parts are consecutive
        let front = parts.map { $0.transposed(0, axis).values }
        #expect(tensor.transposed(0, axis).values == front.flatMap { $0 })
    }

    @Test func `a view can be appended`() {
        var tensor = Tensor([1, 2, 3, 4], shape: [2, 2])
        tensor.append(Tensor([5, 6, 7, 8], shape: [2, 2]).transposed(), axis: 1)
        #expect(tensor.values == [1, 2, 5, 7, 3, 4, 6, 8])
    }

    @Test func `a tensor can be appended to itself`() {
        var tensor = Tensor([1, 2, 3, 4], shape: [2, 2])
        tensor.append(tensor, axis: 0)
        tensor.append(tensor, axis: 0)
        tensor.append(tensor[0..<1], axis: 0)
        #expect(tensor.values == [1, 2, 3, 4, 1, 2, 3, 4, 1, 2, 3, 4, 1, 2, 3, 4, 1, 2])
    }

    @Test func `an earlier copy does not change`() {
        var tensor = Tensor([1], shape: [1, 1])
        for value in 2...5 { tensor.append(row(Float(value)), axis: 0) }  // capacity for three more
        let copy = tensor
        var other = tensor
        tensor.append(row(6), axis: 0)
        other.append(row(7), axis: 0)
        tensor.append(row(8), axis: 0)
        #expect(copy.values == [1, 2, 3, 4, 5])
        #expect(tensor.values == [1, 2, 3, 4, 5, 6, 8])
        #expect(other.values == [1, 2, 3, 4, 5, 7])
    }

    @Test func `a view grows without overwriting its tensor`() {
        let whole = Tensor(0..<6).reshaped(3, 2)
        var part = whole[0..<1]
        part.append(row(8, 9), axis: 0)
        #expect(part.values == [0, 1, 8, 9])
        #expect(whole.values == [0, 1, 2, 3, 4, 5])
    }

    @Test func `views of a growing tensor do not change`() {
        var tensor = Tensor([], shape: [2, 0, 2])
        var views: [Tensor] = []
        for step in 0..<20 {
            let part = Tensor(step * 4..<step * 4 + 4).reshaped(2, 1, 2)
            tensor.append(part, axis: 1)
            if step % 3 == 0 { views.append(tensor.transposed()) }
        }
        for (i, view) in views.enumerated() {
            #expect(view.shape == [2, 2, 3 * i + 1])
            #expect(view.selecting(0, axis: -1).values == [0, 1, 2, 3])
            let last = Float(3 * i * 4)
            #expect(view.selecting(-1, axis: -1).values == [last, last + 1, last + 2, last + 3])
        }
    }

    @Test func `transposed and broadcast tensors grow too`() {
        var transposed = Tensor(0..<6).reshaped(2, 3).transposed()
        transposed.append(row(8, 9), axis: 0)
        #expect(transposed.values == [0, 3, 1, 4, 2, 5, 8, 9])
        var column = Tensor([1, 2]).expandedDimensions(axis: 1)
        column.append(Tensor([3, 4]).expandedDimensions(axis: 1), axis: 1)
        #expect(column.values == [1, 3, 2, 4])
    }

    @Test func `growing by one rarely copies old elements`() {
        var tensor = Tensor([], shape: [2, 0, 4])
        let part = Tensor.full([2, 1, 4], 1)
        var moves = 0
        for _ in 0..<1000 {
            let before = tensor.storage.start
            tensor.append(part, axis: 1)
            if tensor.storage.start != before { moves += 1 }
        }
        #expect(tensor.shape == [2, 1000, 4])
        #expect(moves <= 12, "the capacity doubles, so 1000 steps need about 10 moves")
    }
}
