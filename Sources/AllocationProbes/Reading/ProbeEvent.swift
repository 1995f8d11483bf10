package import AllocationModel
package import Executables
import ProbeABI

/// A rare fact that the kernel programs handed over.
package enum ProbeEvent: Hashable, Sendable {
  /// The frames of a stack that has its own id from now on.
  package struct Stack: Hashable, Sendable {
    package var process: ProcessSlot
    package var stack: StackSlot
    /// Return addresses, innermost first; the first one lies in the caller of the allocator.
    package var addresses: [UInt64]
    package var ending: StackEnding
    /// Frames that are kept of a stack.
    package static var frameLimit: Int { STACK_MAX_FRAMES }
    /// CLOCK_MONOTONIC, nanoseconds.
    package var time: UInt64

    package init(
      process: ProcessSlot, stack: StackSlot, addresses: [UInt64], ending: StackEnding, time: UInt64
    ) {
      self.process = process
      self.stack = stack
      self.addresses = addresses
      self.ending = ending
      self.time = time
    }
  }

  /// A new stack whose walk came to code without unwind rules so far, with what is needed to go on.
  package struct DeferredStack: Hashable, Sendable {
    package var process: ProcessSlot
    package var stack: StackSlot
    /// Return addresses, innermost first; the last one is that of `registers`.
    package var addresses: [UInt64]
    package var registers: StackWalker.Registers
    /// Memory of the stack, from `registers.sp` on.
    package var memory: [UInt8]
    /// CLOCK_MONOTONIC, nanoseconds.
    package var time: UInt64
  }

  /// A change of a process's mappings, made through libc.
  package struct Mapping: Hashable, Sendable {
    package enum Operation: Hashable, Sendable {
      case map(Range<UInt64>)
      case unmap(Range<UInt64>)
      /// An `unmap` reported before has failed.
      case restore(Range<UInt64>)
      case move(from: Range<UInt64>, to: Range<UInt64>)
      /// The program break moved.
      case programBreak(from: UInt64, to: UInt64)
    }

    package var process: ProcessSlot
    package var operation: Operation
    /// Done by the allocator inside one of its own calls.
    package var isInternal: Bool
    /// The stack that did it; nil where none was taken.
    package var stack: StackSlot?
  }

  /// How a process ceased to be a target.
  package enum Departure: Hashable, Sendable {
    /// `status` is as wait(2) gives it; nil where nobody could tell.
    case ended(status: Int32?, isOutOfMemory: Bool)
    case leftScope
  }

  /// What exec has started: the name of its task and the executable's file.
  package struct Program: Hashable, Sendable {
    package var name: String
    let key: program_key

    package static func == (lhs: Self, rhs: Self) -> Bool {
      lhs.name == rhs.name && lhs.key.inode == rhs.key.inode && lhs.key.device == rhs.key.device
    }

    package func hash(into hasher: inout Hasher) {
      hasher.combine(name)
      hasher.combine(key.inode)
      hasher.combine(key.device)
    }
  }

  case stack(Stack)
  case deferredStack(DeferredStack)
  case mapping(Mapping)
  /// A process began a new program; what it had before is gone.
  case exec(ProcessSlot, previous: ProcessSlot?, ProcessIdentity, name: String)
  /// A process was made by another, whose heap it has a copy of.
  case fork(ProcessSlot, parent: ProcessSlot?, ProcessIdentity, name: String)
  /// A process has ended, or runs a program now that is not observed.
  case exit(ProcessSlot, pid: Int32, Departure)
  /// A program was started that has to be chosen or ignored.
  case program(Program, pid: Int32)
  /// The dynamic loader has loaded or closed libraries.
  case code(ProcessSlot)
}

/// The kernel programs' number for one incarnation of a process, ≥ 1.
package struct ProcessSlot: Hashable, Sendable {
  package var rawValue: UInt32
  package init(rawValue: UInt32) { self.rawValue = rawValue }
}

/// The kernel programs' number for one stack of one process, ≥ 1.
package struct StackSlot: Hashable, Sendable {
  package var rawValue: UInt32
  package init(rawValue: UInt32) { self.rawValue = rawValue }
}

extension ProbeEvent {
  /// When the event of a record happened, CLOCK_MONOTONIC in nanoseconds; nil for one that is too short.
  static func time(of record: RawSpan) -> UInt64? {
    guard record.byteCount >= MemoryLayout<event_header>.size else { return nil }
    return record.load(event_header.self).time
  }

  /// Decodes a record of the ring buffer; nil for one that is too short or of an unknown kind.
  init?(_ record: RawSpan) {
    guard record.byteCount >= MemoryLayout<event_header>.size else { return nil }
    let header = record.load(event_header.self)
    let process = ProcessSlot(rawValue: header.process)
    switch event_kind(rawValue: header.kind) {
    case EVENT_STACK: self.init(stack: record, of: process)
    case EVENT_MAPPING: self.init(mapping: record, of: process)
    case EVENT_CODE: self = .code(process)
    case EVENT_DEFERRED_STACK: self.init(deferredStack: record, of: process)
    case EVENT_EXEC, EVENT_FORK, EVENT_EXIT: self.init(change: record, of: process)
    case EVENT_PROGRAM: self.init(program: record)
    default: return nil
    }
  }

  private init?(stack record: RawSpan, of process: ProcessSlot) {
    let start = MemoryLayout<stack_event>.offset(of: \.frames) ?? 32
    guard record.byteCount >= start else { return nil }
    let count = Int(
      record.load(UInt32.self, at: MemoryLayout<stack_event>.offset(of: \.frame_count)))
    guard count <= STACK_MAX_FRAMES, record.byteCount >= start + 8 * count else {
      return nil
    }
    let ending = record.load(UInt32.self, at: MemoryLayout<stack_event>.offset(of: \.ending))
    self = .stack(
      Stack(
        process: process,
        stack: StackSlot(
          rawValue: record.load(UInt32.self, at: MemoryLayout<stack_event>.offset(of: \.site))),
        addresses: (0..<count).map {
          record.unsafeLoadUnaligned(fromByteOffset: start + 8 * $0, as: UInt64.self)
        },
        ending: Self.endings[ending] ?? .badFrame, time: record.load(event_header.self).time))
  }

  private init?(deferredStack record: RawSpan, of process: ProcessSlot) {
    let headerBytes = MemoryLayout<deferred_stack_event>.size
    guard record.byteCount >= headerBytes else { return nil }
    func word(_ field: PartialKeyPath<deferred_stack_event>) -> UInt64 {
      record.load(UInt64.self, at: MemoryLayout<deferred_stack_event>.offset(of: field))
    }
    func half(_ field: PartialKeyPath<deferred_stack_event>) -> Int {
      Int(record.load(UInt32.self, at: MemoryLayout<deferred_stack_event>.offset(of: field)))
    }
    let count = half(\.frame_count)
    let byteCount = half(\.stack_bytes)
    let frames = MemoryLayout<deferred_stack_event>.offset(of: \.frames) ?? 0
    guard (1...STACK_MAX_FRAMES).contains(count), record.byteCount >= headerBytes + byteCount else {
      return nil
    }
    let addresses = (0..<count).map {
      record.unsafeLoadUnaligned(fromByteOffset: frames + 8 * $0, as: UInt64.self)
    }
    self = .deferredStack(
      DeferredStack(
        process: process, stack: StackSlot(rawValue: UInt32(half(\.site))), addresses: addresses,
        registers: StackWalker.Registers(
          ip: addresses[count - 1], sp: word(\.sp), bp: word(\.bp), bx: word(\.bx)),
        memory: record.withUnsafeBytes { Array($0[headerBytes..<headerBytes + byteCount]) },
        time: record.load(event_header.self).time))
  }

  /// The model's ending of each of the ABI's.
  static let endings: [UInt32: StackEnding] = [
    STACK_COMPLETE.rawValue: .complete,
    STACK_UNKNOWN_CODE.rawValue: .unknownCode,
    STACK_NO_RULE.rawValue: .noRule,
    STACK_UNSUPPORTED_RULE.rawValue: .unsupportedRule,
    STACK_UNREADABLE.rawValue: .unreadableStack,
    STACK_TOO_DEEP.rawValue: .tooDeep,
    STACK_BAD_FRAME.rawValue: .badFrame,
    STACK_CODE_CHANGING.rawValue: .codeChanging,
  ]

  private init?(mapping record: RawSpan, of process: ProcessSlot) {
    guard record.byteCount >= MemoryLayout<mapping_event>.size else { return nil }
    let event = record.load(mapping_event.self)
    guard let range = Self.range(event.start, event.length),
      let oldRange = Self.range(event.old_start, event.old_length)
    else { return nil }
    let operation: Mapping.Operation
    switch mapping_operation(rawValue: event.operation) {
    case MAPPING_MAP: operation = .map(range)
    case MAPPING_UNMAP: operation = .unmap(range)
    case MAPPING_RESTORE: operation = .restore(range)
    case MAPPING_MOVE: operation = .move(from: oldRange, to: range)
    case MAPPING_BREAK: operation = .programBreak(from: event.old_start, to: event.start)
    default: return nil
    }
    self = .mapping(
      Mapping(
        process: process, operation: operation,
        isInternal: event.flags & UInt32(MAPPING_INTERNAL) != 0,
        stack: event.site == 0 ? nil : StackSlot(rawValue: event.site)))
  }

  private init?(change record: RawSpan, of process: ProcessSlot) {
    guard record.byteCount >= MemoryLayout<process_event>.size else { return nil }
    let event = record.load(process_event.self)
    let previous = event.previous == 0 ? nil : ProcessSlot(rawValue: event.previous)
    let pid = Int32(bitPattern: event.tgid)
    // As proc_pid_stat(5) has it: clock ticks of 10 ms, whatever the kernel's own are (USER_HZ).
    let identity = ProcessIdentity(pid: pid, startTicks: event.start_time / 10_000_000)
    let name = Self.text(event.name)
    switch event_kind(rawValue: event.header.kind) {
    case EVENT_EXEC: self = .exec(process, previous: previous, identity, name: name)
    case EVENT_FORK: self = .fork(process, parent: previous, identity, name: name)
    default:
      let departure: Departure =
        event.flags & UInt32(PROCESS_LEFT_SCOPE) != 0
        ? .leftScope
        : .ended(
          status: Int32(bitPattern: event.status),
          isOutOfMemory: event.flags & UInt32(PROCESS_OUT_OF_MEMORY) != 0)
      self = .exit(process, pid: pid, departure)
    }
  }

  private init?(program record: RawSpan) {
    guard record.byteCount >= MemoryLayout<program_event>.size else { return nil }
    let event = record.load(program_event.self)
    self = .program(
      Program(name: Self.text(event.program.name), key: event.program),
      pid: Int32(bitPattern: event.tgid))
  }

  /// The characters of a C string up to its end.
  private static func text<Characters>(_ characters: Characters) -> String {
    withUnsafeBytes(of: characters) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
  }

  /// The kernel rounds lengths up to whole pages (mmap(2)).
  private static func range(_ start: UInt64, _ length: UInt64) -> Range<UInt64>? {
    let (end, overflow) = start.addingReportingOverflow(length)
    guard !overflow, end <= UInt64.max - 4095 else { return nil }
    return start..<max(start, (end + 4095) & ~4095)
  }
}

extension RawSpan {
  /// A value at a byte offset that the caller has checked.
  fileprivate func load<T: BitwiseCopyable>(_ type: T.Type, at offset: Int? = 0) -> T {
    unsafeLoadUnaligned(fromByteOffset: offset ?? 0, as: type)
  }
}
