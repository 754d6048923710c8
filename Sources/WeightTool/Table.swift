// Table: tables, numbers and sizes as text. The commands of llama-weights print them.

/// A table with columns as narrow as possible: text columns are left-aligned, the others
/// right-aligned. If a row has fewer cells than the header, its last cell is a note, which has no
/// column.
struct Table: CustomStringConvertible {
    var header: [String]
    let textColumns: Int
    var rows: [[String]] = []

    var description: String {
        let lines = [header] + rows
        let widths = header.indices.map { column in
            lines.map { cells in
                let isNote = column == cells.count - 1 && cells.count < header.count
                return column < cells.count && !isNote ? cells[column].count : 0
            }.max() ?? 0
        }
        return lines.map { cells in
            let padded = cells.enumerated().map { column, cell in
                let width = column < widths.count ? widths[column] : 0
                let padding = String(repeating: " ", count: max(0, width - cell.count))
                return column < textColumns ? cell + padding : padding + cell
            }
            return trimmed(padded.joined(separator: "  "))
        }.joined(separator: "\n")
    }

    private func trimmed(_ line: String) -> String {
        String(line.reversed().drop { $0 == " " }.reversed())
    }
}

/// A number with grouped digits: "1,056,540".
func grouped(_ number: Int) -> String {
    let digits = Array(String(number))
    return digits.indices.map { i in
        i > 0 && (digits.count - i) % 3 == 0 ? ",\(digits[i])" : "\(digits[i])"
    }.joined()
}

/// Bytes in powers of 1000: "2.2 GB".
func byteText(_ bytes: Int) -> String {
    var (size, units) = (Double(bytes), ["B", "kB", "MB", "GB"][...])
    while size >= 999.95 && units.count > 1 {
        size /= 1000
        units.removeFirst()
    }
    return bytes < 1000 ? "\(bytes) B" : "\((size * 10).rounded() / 10) \(units.first!)"
}

/// A number rounded to four significant digits.
func fourDigits(_ value: Double) -> String {
    if value == 0 { return "0" }
    var scale = 1.0
    while abs(value) * scale < 1000 { scale *= 10 }
    while abs(value) * scale >= 10000 { scale /= 10 }
    return "\((value * scale).rounded() / scale)"
}
