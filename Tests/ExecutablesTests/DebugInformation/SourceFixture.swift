import Executables
import Foundation
import Processes
import TestSupport
import Testing

/// A folder with programs that a test compiles, and a reader of their debug information.
final class SourceFixture {
  let files: ScratchDirectory
  let resolver = SourceResolver(
    reader: SourceResolver.Reader(
      path: HeaptapCommand.path, arguments: ["heaptap", "resolve-worker"]))

  init() throws {
    files = try ScratchDirectory()
  }

  /// Three functions merged into a fourth; `mark` is an instruction of the innermost one.
  static let chain = """
    int sink;
    static inline __attribute__((always_inline)) void innermost(int value) {
      sink = value;
      __asm__ volatile(".globl mark\\n.type mark, @function\\nmark: nop\\n" ::: "memory");
    }
    static inline __attribute__((always_inline)) void middle(int value) {
      innermost(value + 1);
    }
    static inline __attribute__((always_inline)) void outermost(int value) {
      middle(value + 1);
    }
    __attribute__((noinline)) void physical(int value) {
      outermost(value + 1);
      sink = 0;
    }
    int main(int count, char **arguments) {
      physical(count);
      return 0;
    }

    """

  /// What is known of `mark` in the program of `chain`.
  static let chainLines = ["innermost 4", "middle 7", "outermost 10", "physical 13"]

  /// Compiles a program to a file `name` in the folder.
  @discardableResult
  func compile(
    _ source: String = chain, to name: String = "program", file: String? = nil,
    with flags: [String] = [], compiler: String = "gcc"
  ) throws -> String {
    let file = file ?? (compiler == "g++" ? "source.cc" : "source.c")
    try source.write(toFile: files.path(file), atomically: true, encoding: .utf8)
    try Toolchain.run([compiler, "-O2", "-g", "-o", name, file] + flags, in: files.path)
    return files.path(name)
  }

  /// Runs a program in the folder.
  func run(_ arguments: String...) throws {
    try Toolchain.run(arguments, in: files.path)
  }

  /// - Parameter path: the path by which the process knows the file, below `root`.
  func module(_ file: String, as path: String? = nil, root: ProcessRoot? = nil) throws -> Module {
    try ModuleCache().module(of: RegularFile(opening: file), path: path ?? file, root: root)
  }

  /// Where the source of `chain` has its mark.
  func mark(in file: String) throws -> UInt64 {
    try required(try ELFFile(opening: file).functionSymbol(named: "mark")?.address)
  }

  /// The calls at an address once they are known.
  func calls(in module: Module, at address: UInt64, symbol: String? = nil) -> [SourceCall] {
    let place = SourceResolver.Place(module: module, address: address, symbol: symbol)
    _ = resolver.calls(at: place)
    resolver.settle(within: 60)
    return resolver.calls(at: place) ?? []
  }

  /// The same as `function line`, innermost first.
  func lines(in module: Module, at address: UInt64) -> [String] {
    calls(in: module, at: address).map { call in
      "\(call.function ?? "?") \(call.line.map(String.init) ?? "?")"
    }
  }
}
