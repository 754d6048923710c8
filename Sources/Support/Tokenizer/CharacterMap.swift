// CharacterMap: the table of replaced characters in a SentencePiece model. libsentencepiece follows
// the table's offsets unchecked, so that a damaged one would have it read beyond the table.

/// The bytes of a `precompiled_charsmap`: the size of a trie, the trie as a double array of 32-bit
/// units, then the replacements. It is the format of the Darts library.
struct CharacterMap {
    private let table: Slice<UnsafeRawBufferPointer>
    private let unitCount: Int, replacementBytes: Int

    /// Nil if the table is not such a map, or one of its offsets leads beyond its part.
    init?(_ table: Slice<UnsafeRawBufferPointer>) {
        guard table.count > 4 else { return nil }
        self.table = table
        let trieBytes = Int(CharacterMap.number(table, at: 0))
        unitCount = trieBytes / 4
        replacementBytes = table.count - 4 - trieBytes
        guard unitCount > 0, replacementBytes > 0, (0..<unitCount).allSatisfy(isInBounds) else {
            return nil
        }
    }

    /// Whether a search that comes to this unit stays within the table.
    private func isInBounds(_ index: Int) -> Bool {
        let unit = unit(index)
        if index > 0 && unit >> 31 == 1 { return true }  // the end of a search
        let children = index ^ Int(unit >> 10) << Int(unit >> 6 & 8)
        // the next byte of a text chooses one of 256
        guard children | 0xFF < unitCount else { return false }
        let hasReplacement = unit >> 8 & 1 == 1
        return !hasReplacement || Int(self.unit(children) & 0x7FFF_FFFF) < replacementBytes
    }

    private func unit(_ index: Int) -> UInt32 { CharacterMap.number(table, at: 4 + 4 * index) }

    private static func number(_ table: Slice<UnsafeRawBufferPointer>, at offset: Int) -> UInt32 {
        UInt32(
            littleEndian: table.base.loadUnaligned(
                fromByteOffset: table.startIndex + offset, as: UInt32.self))
    }
}
