import AllocationModel
import Executables
import Processes

extension PacketWriter {
  mutating func put(_ modules: [ModuleFacts]) {
    put(short: UInt64(modules.count))
    for facts in modules {
      let module = facts.module
      put(module.name)
      put(short: module.first.start)
      put(short: module.range.upperBound - module.range.lowerBound)
      put(module.bias)
      put(UInt8((module.isExecutable ? 1 : 0) | (module.isSwift ? 2 : 0)))
      put(optional: module.threadLocalBlock) {
        $0.put(short: $1.byteCount)
        $0.put(UInt8($1.alignment.trailingZeroBitCount))
      }
      put(facts.functions)
      put(optional: facts.variables) {
        $0.put($1.globals)
        $0.put($1.threadLocals)
      }
      put(optional: facts.keyDescriptor) { writer, words in
        writer.put(short: UInt64(words.count))
        for word in words { writer.put(word) }
      }
    }
  }

  private mutating func put(_ table: SymbolTable) {
    put(short: UInt64(table.pieceCount))
    var end: UInt64 = 0
    for position in 0..<table.pieceCount {
      let piece = table.piece(at: position)
      put(short: piece.start - end)
      put(short: UInt64(piece.byteCount))
      put(short: UInt64(piece.distance))
      put(piece.name)
      end = piece.start + UInt64(piece.byteCount)
    }
  }
}

extension PacketReader {
  /// - Parameter mappings: ascending.
  mutating func modules(in mappings: [MemoryMapping]) -> [ModuleFacts]? {
    list { $0.module(in: mappings) }
  }

  private mutating func module(in mappings: [MemoryMapping]) -> ModuleFacts? {
    guard let name = string(), let start = size(), let byteCount = size(),
      let bias = number(UInt64.self), let flags = flags(below: 4),
      let block = optional({ $0.threadLocalBlock() }), let functions = symbols(),
      let variables = optional({ $0.variables() }),
      let descriptor = optional({ $0.list { $0.number(UInt32.self) } })
    else { return nil }
    let position = mappings.endOfPrefix { $0.start < start }
    guard position < mappings.count, mappings[position].start == start else { return nil }
    return ModuleFacts(
      module: ModuleMap.Module(
        name: name, range: start..<start + byteCount, bias: bias, threadLocalBlock: block,
        isExecutable: flags & 1 != 0, isSwift: flags & 2 != 0, first: mappings[position]),
      variables: variables.map {
        ModuleVariables(
          segments: LoadSegments([]), globals: $0.globals, threadLocals: $0.threadLocals,
          threadLocalBlock: block)
      }, functions: functions, keyDescriptor: descriptor)
  }

  private mutating func variables() -> (globals: SymbolTable, threadLocals: SymbolTable)? {
    guard let globals = symbols(), let threadLocals = symbols() else { return nil }
    return (globals, threadLocals)
  }

  /// Of the size that a file may have, too.
  private mutating func threadLocalBlock() -> ModuleVariables.ThreadLocalBlock? {
    guard let byteCount = size(), byteCount < 1 << 32, let shift = flags(below: 31) else {
      return nil
    }
    return ModuleVariables.ThreadLocalBlock(byteCount: byteCount, alignment: 1 << UInt64(shift))
  }

  private mutating func symbols() -> SymbolTable? {
    guard let count = size() else { return nil }
    var table = SymbolTable.empty
    var end: UInt64 = 0
    for _ in 0..<count {
      guard let gap = short(), let byteCount = short().flatMap(UInt32.init(exactly:)),
        let distance = short().flatMap(UInt32.init(exactly:)), let name = string()
      else { return nil }
      let (start, isBeyond) = end.addingReportingOverflow(gap)
      let (next, isEndless) = start.addingReportingOverflow(UInt64(byteCount))
      guard !isBeyond, !isEndless,
        table.append(
          SymbolTable.Piece(start: start, byteCount: byteCount, distance: distance, name: name))
      else { return nil }
      end = next
    }
    return table
  }
}
