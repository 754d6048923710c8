// System: what the rest of Support takes from the system, so that no other file needs to import it:
// the C library, and of Foundation the light half, where there is one. On Linux, all of Foundation
// would cost each start of compact-llama 3 ms and 7 MB more.

#if canImport(Darwin)
    @_exported import Foundation
#else
    @_exported import FoundationEssentials
    @_exported import Glibc
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
