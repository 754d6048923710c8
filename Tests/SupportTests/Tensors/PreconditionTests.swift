// PreconditionTests: a wrong shape is a programmer's error and stops the program. Each body runs in
// a separate process, so that the tests continue.

import Testing

@testable import Support

@Suite struct PreconditionTests {
    @Test func `mismatched shapes stop the program`() async {
        await #expect(processExitsWith: .failure) { _ = Tensor([1, 2]) + Tensor([1, 2, 3]) }
        await #expect(processExitsWith: .failure) {
            _ = matmul(Tensor.full([2, 3], 1), Tensor.full([2, 3], 1))
        }
        await #expect(processExitsWith: .failure) { _ = Tensor.full([2, 3], 1).reshaped(4, 2) }
        await #expect(processExitsWith: .failure) { _ = Tensor([1, 2])[2] }
        await #expect(processExitsWith: .failure) { _ = Tensor([1, 2])[1..<3] }
    }

    @Test func `a product with no columns is empty`() async {
        await #expect(processExitsWith: .success) {
            let product = matmul(Tensor.full([2, 3], 1), Tensor([], shape: [3, 0]))
            precondition(product.shape == [2, 0])
        }
    }

    @Test func `a uniquely owned slice does not grow beyond its memory`() async {
        await #expect(processExitsWith: .success) {
            // the second rows of two matrices: there is no capacity for another after the last one
            var rows = Tensor(0..<24).reshaped(2, 3, 4).selecting(1, axis: 1)
            rows.append(Tensor(100..<116).reshaped(2, 8), axis: 1)
            let end = rows.offset + rows.strides[0] + 12
            precondition(end <= rows.storage.count)
            precondition(rows[0].values == [4, 5, 6, 7] + (100..<108).map(Float.init))
            precondition(rows[1].values == [16, 17, 18, 19] + (108..<116).map(Float.init))
        }
    }
}
