import Inputs

@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ start: UnsafeRawPointer, _ count: Int) -> CInt {
    Input.config.run(UnsafeRawBufferPointer(start: start, count: count))
    return 0
}
