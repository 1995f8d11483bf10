package import AllocationModel
import BPFRuntime
import LinuxSystem
import ProbeABI

/// Lifetimes of a site's blocks as of when so many were freed.
struct KnownLifetimes {
  var freedBlocks: UInt64 = 0
  var lifetimes: Lifetimes?
}

// MARK: - What was counted

extension ProbeSession {
  /// The counters of every stack of the processes that are observed, and of those that were not removed yet.
  package func readStacks() -> [StackCounters] {
    var result: [StackCounters] = []
    forEachStack { stack, process in
      let record = siteRecords.bytes(at: Int(stack.rawValue))
      let counters = Self.counters(of: record)
      result.append(
        StackCounters(
          stack: stack, process: ProcessSlot(rawValue: process), counters: counters,
          temporaryBlocks: record.load(fromByteOffset: SiteLayout.temporaryBlocks, as: UInt64.self),
          lifetimes: lifetimes(of: Int(stack.rawValue), counters.freedBlocks)))
    }
    return result
  }

  /// Visits the stacks that processes have, with the number of the process.
  func forEachStack(_ body: (StackSlot, UInt32) -> Void) {
    let slots = STACK_BUCKET_SLOTS
    for bucket in 0..<stackTable.count {
      let hashes = stackTable.bytes(at: bucket)
      for slot in 0..<slots where hashes.load(fromByteOffset: 8 * slot, as: UInt64.self) != 0 {
        let index = bucket * slots + slot + 1
        let process = siteRecords.bytes(at: index).load(
          fromByteOffset: SiteLayout.process, as: UInt32.self)
        // Claimed just now: its process is not written yet.
        if process != 0 { body(StackSlot(rawValue: UInt32(index)), process) }
      }
    }
  }

  /// They are computed anew when more blocks were freed.
  private func lifetimes(of index: Int, _ freedBlocks: UInt64) -> Lifetimes? {
    guard freedBlocks > 0 else { return nil }
    if lifetimesBySite.isEmpty {
      lifetimesBySite = Array(repeating: KnownLifetimes(), count: siteRecords.count)
    }
    if lifetimesBySite[index].freedBlocks != freedBlocks {
      let histogram = UnsafeRawBufferPointer(
        start: siteRecords.bytes(at: index) + SiteLayout.freedByAge, count: 8 * AGE_BUCKETS)
      lifetimesBySite[index] = KnownLifetimes(
        freedBlocks: freedBlocks,
        lifetimes: Lifetimes(
          freedByTicksLog2: histogram.bindMemory(to: UInt64.self),
          secondsPerTick: SystemClock.secondsPerTick))
    }
    return lifetimesBySite[index].lifetimes
  }

  private static func counters(of record: UnsafeRawPointer) -> AllocationCounters {
    // Freed first: a free is counted after its allocation, so the difference can't fall below zero.
    let freedBytes = record.load(fromByteOffset: SiteLayout.freedBytes, as: UInt64.self)
    let freedBlocks = sum(record + SiteLayout.freedByAge, count: AGE_BUCKETS)
    return AllocationCounters(
      allocatedBytes: record.load(fromByteOffset: SiteLayout.allocatedBytes, as: UInt64.self),
      allocatedBlocks: sum(record + SiteLayout.allocatedBySize, count: SIZE_BUCKETS),
      freedBytes: freedBytes, freedBlocks: freedBlocks)
  }

  private static func sum(_ histogram: UnsafeRawPointer, count: Int) -> UInt64 {
    var sum: UInt64 = 0
    for bucket in 0..<count { sum &+= histogram.load(fromByteOffset: 8 * bucket, as: UInt64.self) }
    return sum
  }

  /// Offsets in struct site_record.
  enum SiteLayout {
    static let allocatedBytes = MemoryLayout<site_record>.offset(of: \.allocated_bytes) ?? 0
    static let freedBytes = MemoryLayout<site_record>.offset(of: \.freed_bytes) ?? 0
    static let process = MemoryLayout<site_record>.offset(of: \.process) ?? 0
    static let temporaryBlocks = MemoryLayout<site_record>.offset(of: \.temporary_blocks) ?? 0
    static let freedByAge = MemoryLayout<site_record>.offset(of: \.freed_by_age) ?? 0
    static let allocatedBySize = MemoryLayout<site_record>.offset(of: \.allocated_by_size) ?? 0
  }

  /// What is counted per process. Of one without a number nothing is.
  package func readProcess(_ process: ProcessSlot) -> ProcessCounters {
    ProcessCounters(processRecords.load(Int(process.rawValue), as: process_record.self))
  }

  /// Losses that belong to no process: the thread could not even be told.
  package func readUnattributedLosses() -> LossCounts {
    ProcessCounters(processRecords.load(0, as: process_record.self)).lost
      + LossCounts(byReason: [.unreadableEvent: UInt64(malformedEventCount)])
  }

  /// Sums the live blocks of all processes by stack: reads the whole block table, some 10 ms per million blocks
  /// of room.
  package func readLiveBlocks() -> [StackSlot: LiveBlocks] {
    // Without the time there are no ages; loading has shown that the program runs.
    guard let now = try? lifecycle.run("read_ticks") else { return [:] }
    return blocks.liveBlocks(stackCapacity: siteRecords.count, now: now)
  }

  /// The live blocks of one process by address, at most so many.
  package func blocks(of process: ProcessSlot, limit: Int) -> [UInt64: RecordedBlock] {
    var result: [UInt64: RecordedBlock] = [:]
    blocks.forEachBlock(of: process.rawValue) { address, block in
      if result.count < limit { result[address] = block }
    }
    return result
  }
}
