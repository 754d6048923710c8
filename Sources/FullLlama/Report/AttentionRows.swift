// AttentionRows: every head's scores and shares at every position, for the report's maps. Long runs
// keep only the strongest shares of each row.

/// One query's scores in one head.
struct AttentionRow {
    /// The largest and the smallest score, and the largest share.
    let top: Float, bottom: Float, share: Float
    /// The keys of the kept scores; nil for all, from 0.
    private(set) var keys: [UInt16]?
    /// The kept scores: 65,535 is `top`, 0 is `top` - `AttentionRows.span` or less.
    private(set) var codes: [UInt16]

    init(scores: ArraySlice<Float>, shares: ArraySlice<Float>) {
        var (top, bottom) = (-Float.infinity, Float.infinity)
        for score in scores {
            top = score > top ? score : top
            bottom = score < bottom ? score : bottom
        }
        (self.top, self.bottom, share) = (top, bottom, shares.max() ?? 0)
        let scale = 65_535 / AttentionRows.span
        codes = scores.map { score in
            let code = 65_535.5 - (top - score) * scale
            return code > 0 ? UInt16(code) : 0  // 0 for NaN
        }
    }

    /// Keeps the `limit` strongest.
    mutating func keepStrongest(_ limit: Int) {
        guard codes.count > limit else { return }
        let strongest = codes.indices.sorted { codes[$0] > codes[$1] }.prefix(limit).sorted()
        keys = strongest.map { keys?[$0] ?? UInt16($0) }
        codes = strongest.map { codes[$0] }
    }

    var byteCount: Int { keys == nil ? codes.count : 3 * codes.count }
}

/// The rows of all layers: positions first, then heads.
struct AttentionRows {
    /// The page tells apart the scores in this range below a row's largest. A share below it is
    /// less than 0.00001 of the largest.
    static let span: Float = 12
    /// Rows of 16 bits up to this size, of 8 bits beyond it.
    static let fineBytes = 215_000

    private(set) var layers: [[AttentionRow]]
    /// The number of shares that each row keeps.
    private(set) var limit = Int.max
    private let bound: Int
    private var byteCount = 0

    /// - Parameter bound: the size in bytes beyond which rows keep only their strongest shares.
    init(layerCount: Int, bound: Int) {
        layers = Array(repeating: [], count: layerCount)
        self.bound = bound
    }

    mutating func append(_ row: AttentionRow, layer: Int) {
        var row = row
        row.keepStrongest(limit)
        layers[layer].append(row)
        byteCount += row.byteCount
        while byteCount > bound && limit > 1 { shrink() }
    }

    private mutating func shrink() {
        limit = limit == .max ? 64 : limit / 2
        byteCount = 0
        for layer in layers.indices {
            for i in layers[layer].indices {
                layers[layer][i].keepStrongest(limit)
                byteCount += layers[layer][i].byteCount
            }
        }
    }

    /// The bits of a score on the page.
    var bits: Int { limit == .max && 2 * byteCount <= AttentionRows.fineBytes ? 16 : 8 }

    /// Rows one after the other: three Floats, the number of scores, then keys, if any, and codes.
    func bytes(layer: Int) -> [UInt8] {
        var data: [UInt8] = []
        let bits = bits
        for row in layers[layer] {
            data.append(row.top)
            data.append(row.bottom)
            data.append(row.share)
            data.append(bytesOf: UInt16(row.codes.count))
            data.append(UInt8(row.keys == nil ? 0 : 1))
            for key in row.keys ?? [] { data.append(bytesOf: key) }
            for code in row.codes {
                if bits == 16 {
                    data.append(bytesOf: code)
                } else {
                    data.append(UInt8((UInt32(code) * 255 + 32_767) / 65_535))
                }
            }
        }
        return data
    }
}
