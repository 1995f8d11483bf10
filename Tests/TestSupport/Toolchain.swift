import Foundation

/// The compilers and binutils that fixtures are made with.
package enum Toolchain {
  /// Runs a command to its end and returns what it wrote.
  ///
  /// Its output goes to files, and its end is asked for by its number: a pipe might be inherited by a program that another
  /// test starts meanwhile, and stay open for as long as that runs.
  @discardableResult
  package static func run(_ arguments: String..., in folder: String? = nil) throws -> String {
    try run(arguments, in: folder)
  }

  @discardableResult
  package static func run(_ arguments: [String], in folder: String? = nil) throws -> String {
    let words = folder.map { ["env", "-C", $0] } ?? []
    let program = try RunningProgram(words + arguments)
    let isFine = program.succeeds()
    let text = program.output + program.errors
    guard isFine else { throw TestSupportError("\(arguments.joined(separator: " ")): \(text)") }
    return text
  }

  /// Whether a program of that name is in PATH.
  package static func has(_ name: String) -> Bool {
    (try? run("sh", "-c", "command -v \(name)")) != nil
  }
}
