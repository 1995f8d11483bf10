import Foundation

/// The compilers and binutils that fixtures are made with.
package enum Toolchain {
  /// Runs a command to its end and returns what it wrote.
  @discardableResult
  package static func run(_ arguments: String..., in folder: String? = nil) throws -> String {
    try run(arguments, in: folder)
  }

  @discardableResult
  package static func run(_ arguments: [String], in folder: String? = nil) throws -> String {
    let process = Process()
    let output = Pipe()
    process.executableURL = URL(filePath: "/usr/bin/env")
    process.arguments = arguments
    process.standardInput = FileHandle.nullDevice
    process.standardOutput = output
    process.standardError = output
    if let folder { process.currentDirectoryURL = URL(filePath: folder) }
    try process.run()
    let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    process.waitUntilExit()
    guard process.terminationStatus == 0 else {
      throw TestSupportError("\(arguments.joined(separator: " ")): \(text)")
    }
    return text
  }

  /// Whether a program of that name is in PATH.
  package static func has(_ name: String) -> Bool {
    (try? run("sh", "-c", "command -v \(name)")) != nil
  }
}
