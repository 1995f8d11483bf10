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

  case stack(Stack)
  case deferredStack(DeferredStack)
  case mapping(Mapping)
  /// A process began a new program; what it had before is gone.
  case exec(ProcessSlot, previous: ProcessSlot, pid: Int32, name: String)
  case fork(ProcessSlot, parent: ProcessSlot, pid: Int32, name: String)
  case exit(ProcessSlot, pid: Int32)
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
    let previous = ProcessSlot(rawValue: event.previous)
    let pid = Int32(bitPattern: event.tgid)
    let name = withUnsafeBytes(of: event.name) {
      String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self)
    }
    switch event_kind(rawValue: event.header.kind) {
    case EVENT_EXEC: self = .exec(process, previous: previous, pid: pid, name: name)
    case EVENT_FORK: self = .fork(process, parent: previous, pid: pid, name: name)
    default: self = .exit(process, pid: pid)
    }
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
