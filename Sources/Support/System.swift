// System: what the rest takes from the system: the light half of Foundation, and the C library. All of
// Foundation would cost each start 3 ms and 7 MB more.

#if canImport(FoundationEssentials)
    @_exported import FoundationEssentials
    @_exported import Glibc
#else
    @_exported import Foundation
#endif

/// The file of the program that runs, if the system says.
var executablePath: String? {
    #if canImport(Darwin)
        Bundle.main.executablePath
    #else
        try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
    #endif
}

/// Writes all of a text to an open file, without delay.
/// - Returns: whether somebody received it.
func write(_ text: String, to descriptor: Int32) -> Bool {
    var text = text
    return text.withUTF8 { bytes in
        var rest = UnsafeRawBufferPointer(bytes)
        while rest.count > 0 {
            let count = write(descriptor, rest.baseAddress, rest.count)
            if count < 0 && errno == EINTR { continue }
            guard count > 0 else { return false }
            rest = UnsafeRawBufferPointer(rebasing: rest[count...])
        }
        return true
    }
}

/// Reads an open file to its end.
/// - Returns: nil if it cannot be read.
func readToEnd(of descriptor: Int32) -> Data? {
    var data = Data()
    var chunk = [UInt8](repeating: 0, count: 1 << 16)
    while true {
        let count = read(descriptor, &chunk, chunk.count)
        if count < 0 && errno == EINTR { continue }
        guard count >= 0 else { return nil }
        if count == 0 { return data }
        data.append(contentsOf: chunk[..<count])
    }
}
