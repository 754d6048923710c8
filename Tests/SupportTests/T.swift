import Testing
@testable import Support
@Test func t() {
    let x = Tensor([1,2,3,4,5,6], shape: [2,3])
    print((x*x).values, (x*x).mean(axis: -1).values, (x*x).mean(axis: 0).values)
    print(sqrt(x).values, exp(x).values, (x / x.max(axis: -1)).values)
    print(matmul(x, x.transposed()).values)
    print(matmul(x[0], x.transposed()).values)
    print(Tensor.full([2,3], -.infinity).upperTriangle(diagonal: 2).values)
    print(exp(Tensor([-.infinity, 0, 1, 89, .nan, -100, 88.7, -87])).values)
    print(x.isFinite, (x/0).isFinite, pow(10000, x * -0.5).values)
}
