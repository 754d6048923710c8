// BundledModel: finds tinytales, the model that comes with the sources. ModelOptions uses it when
// the user names no model.

enum BundledModel {
    /// The environment variable that names the model's folder.
    static let variable = "COMPACT_LLAMA_MODEL"

    /// The folder that `variable` names, or the first `Models/tinytales` in a folder above the
    /// executable or above the working directory.
    /// - Throws: `BundledModelError` if there is none.
    static func folder() throws -> String {
        if let path = ProcessInfo.processInfo.environment[variable] { return path }
        if let folder = folderAbove(holding: "Models/tinytales/tinytales.lmw") {
            return folder + "/Models/tinytales"
        }
        throw BundledModelError.notFound
    }
}

/// The nearest folder that holds `path`: above the executable, or else above the working directory.
public func folderAbove(holding path: String) -> String? {
    let here = FileManager.default.currentDirectoryPath + "/."
    for start in [executablePath, here].compactMap({ $0 }) {
        var folder = start[...]
        while let slash = folder.lastIndex(of: "/") {
            folder = folder[..<slash]
            if FileManager.default.fileExists(atPath: folder + "/" + path) { return String(folder) }
        }
    }
    return nil
}

/// Why the bundled model cannot be used.
public enum BundledModelError: Error, Equatable, CustomStringConvertible {
    case notFound

    public var description: String {
        "the bundled model was not found: no Models/tinytales in a folder above the program or "
            + "the working directory; name a model with -w and -t, or set "
            + "\(BundledModel.variable) to the folder that holds tinytales.lmw"
    }
}
