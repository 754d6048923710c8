// System: imports the C library and Foundation for all of Support. On Linux it imports only
// FoundationEssentials: all of Foundation adds 3 ms and 7 MB to each start of compact-llama.

#if canImport(Darwin)
    @_exported import Foundation
#else
    @_exported import FoundationEssentials
    @_exported import Glibc
#endif

/// The path of the running executable, or nil if the system does not report it.
var executablePath: String? {
    #if canImport(Darwin)
        Bundle.main.executablePath
    #else
        try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
    #endif
}

/// Writes a text to an open file, unbuffered.
/// - Returns: whether all of it was written.
@discardableResult
package func write(_ text: String, to descriptor: Int32) -> Bool {
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
