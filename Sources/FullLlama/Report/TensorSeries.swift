// TensorSeries: the values of one stage in one layer at every position, in one byte each. The
// report's strips are drawn from it.

/// Which values of a vector the page keeps: in every group (a head, or the whole vector) the same
/// pairs, evenly spaced.
struct KeptValues: Encodable {
    let groups: Int
    /// The length of a group.
    let width: Int
    /// The kept indices in a group.
    let indices: [Int]

    /// - Parameter limit: about how many values of the vector to keep.
    init(of count: Int, groups: Int, limit: Int) {
        (self.groups, width) = (groups, count / groups)
        let kept = max(1, limit / groups / 2)
        let pairs = width / 2
        guard kept < pairs else {
            indices = Array(0..<width)
            return
        }
        let first = (0..<kept).map { pair in 2 * (pair * pairs / kept) }
        indices = first.flatMap { [$0, $0 + 1] }
    }
}

/// For each position: the smallest and the largest value as Floats, and the kept values between
/// them as a byte each.
struct TensorSeries {
    let kept: KeptValues
    private(set) var count = 0
    private(set) var bytes: [UInt8] = []

    init(kept: KeptValues) { self.kept = kept }

    mutating func append(_ values: [Float]) {
        var (low, high) = (Float.infinity, -Float.infinity)
        for value in values {
            low = value < low ? value : low
            high = value > high ? value : high
        }
        bytes.append(low)
        bytes.append(high)
        let scale = high > low ? 255 / (high - low) : 0
        for group in 0..<kept.groups {
            for index in kept.indices {
                let code = (values[group * kept.width + index] - low) * scale + 0.5
                bytes.append(code >= 0 && code < 256 ? UInt8(code) : 0)  // 0 for NaN
            }
        }
        count += 1
    }
}

extension [UInt8] {
    /// Appends a number's bytes, little-endian.
    mutating func append(_ number: Float) { append(bytesOf: number.bitPattern) }

    mutating func append(bytesOf number: some FixedWidthInteger) {
        Swift.withUnsafeBytes(of: number.littleEndian) { append(contentsOf: $0) }
    }
}
