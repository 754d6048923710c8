// Table: a table, numbers and sizes as text, for what llama-weights prints.

/// Columns as wide as they need to be, those of text aligned left; a row with fewer cells ends in a
/// note.
struct Table: CustomStringConvertible {
    var header: [String]
    let columnsOfText: Int
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
                return column < columnsOfText ? cell + padding : padding + cell
            }
            return trimmed(padded.joined(separator: "  "))
        }.joined(separator: "\n")
    }

    private func trimmed(_ line: String) -> String {
        String(line.reversed().drop { $0 == " " }.reversed())
    }
}

/// "1,056,540"
func grouped(_ number: Int) -> String {
    let digits = Array(String(number))
    return digits.indices.map { i in
        i > 0 && (digits.count - i) % 3 == 0 ? ",\(digits[i])" : "\(digits[i])"
    }.joined()
}

/// "2.2 GB", in powers of 1000 as disks are sold.
func byteText(_ bytes: Int) -> String {
    var (size, units) = (Double(bytes), ["B", "kB", "MB", "GB"][...])
    while size >= 999.95 && units.count > 1 {
        size /= 1000
        units.removeFirst()
    }
    return bytes < 1000 ? "\(bytes) B" : "\((size * 10).rounded() / 10) \(units.first!)"
}
