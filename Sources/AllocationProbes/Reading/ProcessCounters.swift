package import AllocationModel
import ProbeABI

/// What is counted per process and not per stack.
package struct ProcessCounters: Hashable, Sendable {
  package var unknownFrees: UInt64
  package var inheritedFrees: UInt64
  package var failedCalls: UInt64
  /// Children forked, followed or not.
  package var children: UInt64
  package var lost: LossCounts

  init(_ record: process_record) {
    unknownFrees = record.unknown_frees
    inheritedFrees = record.inherited_frees
    failedCalls = record.failed_calls
    children = record.children
    var byReason: [LossReason: UInt64] = [:]
    withUnsafeBytes(of: record.lost) { bytes in
      let counts = bytes.bindMemory(to: UInt64.self)
      for (reason, index) in Self.reasons where Int(index) < counts.count {
        byReason[reason] = counts[Int(index)]
      }
    }
    lost = LossCounts(byReason: byReason)
  }

  /// The model's reason of each of the ABI's.
  static let reasons: [(LossReason, UInt32)] = [
    (.blockTableFull, LOSS_BLOCK_TABLE_FULL.rawValue),
    (.stackTableFull, LOSS_STACK_TABLE_FULL.rawValue),
    (.threadState, LOSS_THREAD_STATE.rawValue),
    (.nesting, LOSS_NESTING.rawValue),
    (.skippedReturn, LOSS_SKIPPED_RETURN.rawValue),
    (.missedFree, LOSS_MISSED_FREE.rawValue),
    (.eventRingFull, LOSS_EVENT_RING_FULL.rawValue),
    (.addressOutOfRange, LOSS_ADDRESS_OUT_OF_RANGE.rawValue),
    (.processTableFull, LOSS_PROCESS_TABLE_FULL.rawValue),
    (.unreadableResult, LOSS_UNREADABLE_RESULT.rawValue),
    (.blockLimit, LOSS_BLOCK_LIMIT.rawValue),
    (.stackLimit, LOSS_STACK_LIMIT.rawValue),
  ]
}

/// Counters of one stack, as they lie in the kernel's table.
package struct StackCounters: Hashable, Sendable {
  package var stack: StackSlot
  package var process: ProcessSlot
  package var counters: AllocationCounters
  /// Freed by the next call of the thread that had allocated them.
  package var temporaryBlocks: UInt64
  /// nil where none was freed.
  package var lifetimes: Lifetimes?
}
