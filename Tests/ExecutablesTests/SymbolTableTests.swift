import Processes
import TestSupport
import Testing

@testable import Executables

@Suite("Symbol table")
struct SymbolTableTests {
  struct Function: CustomStringConvertible {
    var name: String
    var address: UInt64
    var byteCount: UInt64
    var binding: FunctionSymbol.Binding = .global
    var description: String { "\(name) \(address)+\(byteCount) \(binding)" }
  }

  func table(_ functions: [Function]) -> SymbolTable {
    var builder = SymbolTableBuilder()
    for function in functions {
      builder.insert(
        function.name,
        address: function.address,
        byteCount: function.byteCount,
        binding: function.binding
      )
    }
    return builder.build()
  }

  @Test("an address has the name of the function that covers it, and no other")
  func covers() {
    let symbols = table([
      Function(name: "a", address: 100, byteCount: 10),
      Function(name: "b", address: 120, byteCount: 5),
    ])
    #expect(symbols.symbol(at: 99) == nil)
    #expect(symbols.symbol(at: 100) == SymbolTable.Symbol(name: "a", start: 100))
    #expect(symbols.symbol(at: 109) == SymbolTable.Symbol(name: "a", start: 100))
    #expect(symbols.symbol(at: 110) == nil)
    #expect(symbols.symbol(at: 119) == nil)
    #expect(symbols.symbol(at: 124)?.name == "b")
    #expect(symbols.symbol(at: 125) == nil)
    #expect(symbols.symbol(at: .max) == nil)
    #expect(SymbolTable.empty.symbol(at: 0) == nil)
  }

  @Test("a function without size names only the address it starts at")
  func sizeless() {
    let symbols = table([
      Function(name: "label", address: 50, byteCount: 0),
      Function(name: "_start", address: 80, byteCount: 0),
      Function(name: "start", address: 80, byteCount: 0),
      Function(name: "f", address: 100, byteCount: 10),
      Function(name: "inside", address: 105, byteCount: 0),
      Function(name: "alias", address: 100, byteCount: 0),
    ])
    #expect(symbols.symbol(at: 50)?.name == "label")
    #expect(symbols.symbol(at: 51) == nil)
    #expect(symbols.symbol(at: 80)?.name == "start")
    #expect(symbols.symbol(at: 100)?.name == "f")
    #expect(symbols.symbol(at: 105)?.name == "f")
  }

  @Test("a function inside another is named, and the outer one before and behind it")
  func nested() {
    let symbols = table([
      Function(name: "outer", address: 100, byteCount: 100),
      Function(name: "inner", address: 120, byteCount: 10),
    ])
    #expect(symbols.symbol(at: 119)?.name == "outer")
    #expect(symbols.symbol(at: 120)?.name == "inner")
    #expect(symbols.symbol(at: 130) == SymbolTable.Symbol(name: "outer", start: 100))
    #expect(symbols.symbol(at: 200) == nil)
  }

  static let aliases: [(best: String, others: [Function])] = [
    (
      "malloc",
      [
        Function(name: "__libc_malloc", address: 0, byteCount: 0),
        Function(name: "__GI___libc_malloc", address: 0, byteCount: 0, binding: .local),
        Function(name: "__malloc", address: 0, byteCount: 0),
      ]
    ),
    ("sbrk", [Function(name: "__sbrk", address: 0, byteCount: 0)]),
    ("mmap", [Function(name: "mmap64", address: 0, byteCount: 0)]),
    ("z_exported", [Function(name: "a_local", address: 0, byteCount: 0, binding: .local)]),
  ]

  @Test(
    "of several names people get the one they know, in any order of the table",
    arguments: aliases
  )
  func preferred(best: String, others: [Function]) {
    let all =
      [Function(name: best, address: 16, byteCount: 8, binding: best == "sbrk" ? .weak : .global)]
      + others.map {
        Function(name: $0.name, address: 16, byteCount: 8, binding: $0.binding)
      }
    #expect(table(all).symbol(at: 20)?.name == best)
    #expect(table(all.reversed()).symbol(at: 20)?.name == best)
  }

  @Test("functions at the end of the address space don't wrap around")
  func extremes() {
    let symbols = table([
      Function(name: "wraps", address: .max - 4, byteCount: 100),
      Function(name: "last", address: .max - 20, byteCount: 10),
      Function(name: "endless", address: 1 << 40, byteCount: .max >> 1),
    ])
    #expect(symbols.symbol(at: .max - 1) == nil)
    #expect(symbols.symbol(at: 5) == nil)
    #expect(symbols.symbol(at: .max - 11)?.name == "last")
    #expect(symbols.symbol(at: 1 << 40)?.name == "endless")
    #expect(symbols.symbol(at: 1 << 50) == nil)
  }

  @Test("random tables agree with trying every function")
  func bruteForce() {
    var generator = SeededGenerator(seed: 11)
    for round in 0..<300 {
      let functions = (0..<Int.random(in: 1...25, using: &generator)).map { index in
        Function(
          name: "f\(index)",
          address: UInt64.random(in: 1...60, using: &generator),
          byteCount: Bool.random(using: &generator)
            ? 0 : UInt64.random(in: 1...30, using: &generator),
          binding: Bool.random(using: &generator) ? .global : .local
        )
      }
      let symbols = table(functions)
      for address: UInt64 in 0..<100 {
        let expected = Self.expected(functions, address)
        let found = symbols.symbol(at: address)
        #expect(found?.name == expected?.name, "round \(round), \(address) in \(functions)")
        #expect(found?.start == expected?.address)
      }
    }
  }

  /// The rules of `SymbolTable`, one function after another.
  private static func expected(_ functions: [Function], _ address: UInt64) -> Function? {
    let sized = functions.filter { address >= $0.address && address - $0.address < $0.byteCount }
    let sizeless = functions.filter { $0.byteCount == 0 && $0.address == address }
    return (sized.isEmpty ? sizeless : sized).max { a, b in
      if a.address != b.address { return a.address < b.address }
      if a.binding != b.binding { return a.binding == .local }
      if a.name.count != b.name.count { return a.name.count > b.name.count }
      if a.byteCount != b.byteCount { return a.byteCount < b.byteCount }
      return a.name > b.name
    }
  }

  @Test("many functions take at most 40 bytes each and are found")
  func memory() {
    var builder = SymbolTableBuilder()
    for index: UInt64 in 0..<100_000 {
      builder.insert("function\(index)", address: index * 32, byteCount: 30)
    }
    let symbols = builder.build()
    #expect(symbols.byteCount <= 4_000_000)
    #expect(symbols.symbol(at: 77_777 * 32 + 29)?.name == "function77777")
    #expect(symbols.symbol(at: 77_777 * 32 + 30) == nil)
  }

  @Test("libc's malloc is called malloc")
  func libc() throws {
    let mapping = try #require(try mappedLibc())
    let file = try ELFFile(opening: try #require(mapping.path))
    let module = Module(reading: file)
    for name in ["malloc", "free", "calloc", "realloc", "posix_memalign", "sbrk", "mmap"] {
      let symbol = try required(file.functionSymbol(named: name))
      #expect(module.symbols.symbol(at: symbol.address + symbol.byteCount - 1)?.name == name)
    }
  }
}
