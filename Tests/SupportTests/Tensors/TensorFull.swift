// TensorFull: a constant tensor, as `np.full` makes it, for the tests in this target.

@testable import Support

extension Tensor {
    static func full(_ shape: Shape, _ value: Float) -> Tensor {
        Tensor([Float](repeating: value, count: shape.count), shape: shape)
    }
}
