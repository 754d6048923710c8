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

    /// Keeps the `limit` strongest; of equal ones the earlier.
    mutating func keepStrongest(_ limit: Int) {
        guard codes.count > limit else { return }
        // the codes with the same upper byte as the weakest kept one; all above them are kept
        var counts = Array(repeating: 0, count: 256)
        for code in codes { counts[Int(code >> 8)] += 1 }
        var (byte, above) = (255, 0)
        while above + counts[byte] < limit {
            above += counts[byte]
            byte -= 1
        }
        let border = codes.filter { Int($0 >> 8) == byte }.sorted(by: >)
        let weakest = border[limit - above - 1]
        var ties = limit - above - border.prefix { $0 > weakest }.count
        let strongest = codes.indices.filter { i in
            if codes[i] == weakest { ties -= 1 }
            return codes[i] > weakest || codes[i] == weakest && ties >= 0
        }
        keys = strongest.map { keys?[$0] ?? UInt16($0) }
        codes = strongest.map { codes[$0] }
    }

    /// The bytes on the page, with 8 bits a score.
    var byteCount: Int { AttentionRow.headerBytes + (keys == nil ? 1 : 3) * codes.count }

    static let headerBytes = 15
}

/// The rows of all layers: positions first, then heads.
struct AttentionRows {
    /// The page tells apart the scores in this range below a row's largest. A share below it is
    /// less than 0.00001 of the largest.
    static let span: Float = 12
    /// Scores have 16 bits up to this size, counted with 8 bits, and 8 bits beyond it.
    static let fineBytes = 135_000

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
    var bits: Int { limit == .max && byteCount <= AttentionRows.fineBytes ? 16 : 8 }

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
