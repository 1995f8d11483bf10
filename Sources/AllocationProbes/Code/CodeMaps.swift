import BPFRuntime
import Executables
import Glibc
import ProbeABI
import Processes

/// What the kernel programs know of the code of processes: unwind tables, and the mappings that they are for.
final class CodeMaps {
  private let tables: BPFMap
  private let mappings: MappedArray
  private let processes: MappedArray
  private var slices: SliceAllocator
  private var slicesByProcess: [UInt32: Range<Int>] = [:]
  private var waiting: [WaitingTable] = []
  private var tablesByFile: [FileIdentity: UInt32] = [:]
  private var filesByTable: [UInt32: FileIdentity] = [:]
  /// Places of tables: as with slices, one that was given back waits until no program can hold its number.
  private var tableSlots: SliceAllocator
  /// How many tables that nobody uses stay for the next process that maps their file.
  private static let idleLimit = 256
  /// Each takes the kernel 10 to 15 ms, as it waits for running programs.
  private static let removalsPerTurn = 4

  /// Tables that nobody uses, in the order in which they were given up.
  private var idle: [UInt32] = []
  /// Regions that use each table.
  private var uses: [UInt32: Int] = [:]
  private var tablesByProcess: [UInt32: [UInt32]] = [:]

  init(tables: BPFMap, mappings: consuming MappedArray, processes: consuming MappedArray) {
    self.tables = tables
    slices = SliceAllocator(capacity: mappings.count)
    tableSlots = SliceAllocator(capacity: tables.capacity)
    self.mappings = mappings
    self.processes = processes
  }

  /// The table of a file that is loaded already.
  func table(of file: FileIdentity) -> UnwindTableSlot? {
    tablesByFile[file].map { UnwindTableSlot(rawValue: $0) }
  }

  /// Hands the table of a file to the kernel programs, with the next `publish`. Some time after the last process
  /// that uses it has ended it goes away.
  ///
  /// - Throws: `BPFError` if there is no memory, or no place for one more table.
  func load(_ table: UnwindTable, of file: FileIdentity) throws(BPFError) -> UnwindTableSlot {
    guard let slot = tableSlots.allocate(1) else {
      throw BPFError(attempt: "load one more unwind table", code: ENOSPC)
    }
    let index = UInt32(slot.lowerBound)
    do throws(BPFError) {
      waiting.append(WaitingTable(index: index, array: try Self.array(of: table)))
    } catch {
      tableSlots.giveBack(slot)
      throw error
    }
    tablesByFile[file] = index
    filesByTable[index] = file
    return UnwindTableSlot(rawValue: index)
  }

  private static func array(of table: UnwindTable) throws(BPFError) -> BPFArray {
    var failure = BPFError(attempt: "load an unwind table", code: ENOMEM)
    var array: BPFArray?
    table.words.withUnsafeBytes { bytes in
      do throws(BPFError) {
        array = try BPFArray.creating(
          name: "unwind_table", contents: bytes, entryByteCount: MemoryLayout<unwind_line>.size)
      } catch {
        failure = error
      }
    }
    guard let created = array.take() else { throw failure }
    return created
  }

  /// A table that is made and not in the map yet.
  private final class WaitingTable {
    let index: UInt32
    let array: BPFArray

    init(index: UInt32, array: consuming BPFArray) {
      self.index = index
      self.array = array
    }
  }

  /// Tables wait for `insertWaitingTables`: the kernel takes its time once for all of them.
  var holdsTables = false

  func insertWaitingTables() throws(BPFError) {
    defer { waiting = [] }
    do {
      try tables.update(keys: waiting.map(\.index), values: waiting.map { $0.array.handle })
    } catch {
      // Not loaded after all: whoever wants them next tries again.
      for table in waiting { forgetFile(of: table.index) }
      throw error
    }
  }

  /// Replaces what is known of a process's code.
  ///
  /// - Parameter generation: of its code, as `generation(of:)` said before its mappings were read.
  func publish(
    _ regions: [CodeRegion], of process: UInt32, generation: UInt32
  ) throws(BPFError) {
    if !holdsTables { try insertWaitingTables() }
    let old = slicesByProcess[process]
    guard let slice = slices.allocate(max(1, regions.count)) else {
      throw BPFError(attempt: "keep \(regions.count) more mappings of code", code: ENOSPC)
    }
    var used: [UInt32] = []
    for (index, region) in regions.sorted(by: { $0.start < $1.start }).enumerated() {
      var mapping = code_mapping()
      mapping.start = region.start
      mapping.end = region.end
      switch region.unwinding {
      case .table(let slot, let base):
        mapping.kind = UNWIND_RSP.rawValue
        mapping.table = slot.rawValue
        mapping.base = base
        used.append(slot.rawValue)
      case .framePointers: mapping.kind = UNWIND_FRAME_POINTER.rawValue
      case .none: mapping.kind = UNWIND_NONE.rawValue
      }
      if region.isPermanent { mapping.kind |= UInt32(CODE_PERMANENT) }
      mappings.mutableBytes(at: slice.lowerBound + index).storeBytes(
        of: mapping, as: code_mapping.self)
    }
    // The slice first: whoever sees the generation sees the slice that it stands for.
    store(UInt64(slice.lowerBound) | UInt64(regions.count) << 32, in: process, at: \.code_slice)
    store(generation, in: process, at: \.code_generation)
    slicesByProcess[process] = slice
    if let old { slices.giveBack(old) }
    for table in used {
      if uses[table] == nil { idle.removeAll { $0 == table } }
      uses[table, default: 0] += 1
    }
    release(tablesByProcess.updateValue(used, forKey: process) ?? [])
  }

  /// The process has ended: its code is forgotten.
  func forget(_ process: UInt32) {
    store(0 as UInt64, in: process, at: \.code_slice)
    if let slice = slicesByProcess.removeValue(forKey: process) { slices.giveBack(slice) }
    release(tablesByProcess.removeValue(forKey: process) ?? [])
  }

  /// Time has passed: see `SliceAllocator.retire`.
  func retire() {
    slices.retire()
    tableSlots.retire()
    for table in idle.prefix(min(Self.removalsPerTurn, max(0, idle.count - Self.idleLimit))) {
      tables.remove(key: table)
      forgetFile(of: table)
    }
    idle.removeAll { filesByTable[$0] == nil }
  }

  private func forgetFile(of table: UInt32) {
    tableSlots.giveBack(Int(table)..<Int(table) + 1)
    if let file = filesByTable.removeValue(forKey: table) { tablesByFile[file] = nil }
  }

  private func release(_ released: [UInt32]) {
    for table in released {
      let left = (uses[table] ?? 1) - 1
      uses[table] = left > 0 ? left : nil
      if left == 0 { idle.append(table) }
    }
  }

  // MARK: Fields of the process's record

  /// The generation of a process's code: to be read before its mappings are.
  ///
  /// From now on the kernel programs report changes again.
  func beginReading(_ process: UInt32) -> UInt32 {
    store(0 as UInt32, in: process, at: \.code_events)
    return processes.load(Int(process), as: process_record.self).generation
  }

  /// The same addresses are other code from now on. The kernel programs raise it by themselves where they see the
  /// dynamic loader at work.
  func raiseGeneration(of process: UInt32) {
    let generation = processes.load(Int(process), as: process_record.self).generation
    store(generation + 1, in: process, at: \.generation)
  }

  func allowDeferrals(_ count: Int32, of process: UInt32) {
    let left = processes.load(Int(process), as: process_record.self).deferrals
    if left < count { store(count, in: process, at: \.deferrals) }
  }

  private func store<T: BitwiseCopyable>(
    _ value: T, in process: UInt32, at field: PartialKeyPath<process_record>
  ) {
    let offset = MemoryLayout<process_record>.offset(of: field) ?? 0
    processes.mutableBytes(at: Int(process)).storeBytes(of: value, toByteOffset: offset, as: T.self)
  }
}
