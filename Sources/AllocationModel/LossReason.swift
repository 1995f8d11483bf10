/// Why an event was not counted.
///
/// The raw value is the name in reports and JSON.
package enum LossReason: String, CaseIterable, Sendable {
  /// No slot for one more live block; its size and later free are unknown.
  case blockTableFull = "block_table_full"
  /// No slot for one more distinct stack.
  case stackTableFull = "stack_table_full"
  /// The kernel had no memory for, or no access to, the state of a thread.
  case threadState = "thread_state"
  /// More allocator calls inside one another than a thread's state has room for.
  case nesting = "nesting"
  /// An allocator call was left by longjmp or unwinding and never returned.
  case skippedReturn = "skipped_return"
  /// An address came back from the allocator that was still live: its free was not seen.
  case missedFree = "missed_free"
  /// An event could not be handed over because the reader was behind.
  case eventRingFull = "event_ring_full"
  /// An address beyond 47 bits, which the block table can't hold.
  case addressOutOfRange = "address_out_of_range"
  /// No slot for one more process.
  case processTableFull = "process_table_full"
  /// The pointer that `posix_memalign` stored could not be read back.
  case unreadableResult = "unreadable_result"
  /// A process had as many live blocks as one may have.
  case blockLimit = "block_limit"
  /// A process had as many distinct stacks as one may have.
  case stackLimit = "stack_limit"
  /// A process had as many mappings as are followed of one.
  case mappingLimit = "mapping_limit"
  /// An event was handed over and could not be decoded.
  case unreadableEvent = "unreadable_event"
}

/// How many events were lost, by reason.
///
/// Reasons that never occurred are absent.
package struct LossCounts: Hashable, Sendable {
  package var byReason: [LossReason: UInt64]

  package init(byReason: [LossReason: UInt64] = [:]) {
    self.byReason = byReason.filter { $0.value > 0 }
  }

  package var total: UInt64 { byReason.values.reduce(0, &+) }

  package static func + (lhs: Self, rhs: Self) -> Self {
    Self(byReason: lhs.byReason.merging(rhs.byReason, uniquingKeysWith: &+))
  }

  /// What was lost after an earlier count.
  package func since(_ earlier: Self) -> Self {
    Self(
      byReason: byReason.reduce(into: [:]) { difference, loss in
        difference[loss.key] = loss.value - min(loss.value, earlier.byReason[loss.key] ?? 0)
      })
  }
}
