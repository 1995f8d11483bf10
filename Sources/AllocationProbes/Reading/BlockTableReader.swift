import AllocationModel
import BPFRuntime
import LinuxSystem
import ProbeABI

/// What the block table says about the live blocks of one stack.
package struct LiveBlocks: Hashable, Sendable {
  package var blocks: UInt64 = 0
  /// Bytes as requested.
  package var bytes: UInt64 = 0
  /// Age of the oldest in seconds.
  package var oldest: Double = 0
}

/// Reads the table of live blocks out of mapped memory, while it changes.
///
/// A slot counts when it has a site, and key, site and birth are the same after its size was read as before;
/// see `bpf/lib/block_table.bpf.h` for why that record is whole.
struct BlockTableReader: ~Copyable {
  private let table: MappedArray

  init(_ table: consuming MappedArray) {
    self.table = table
  }

  /// Sums live blocks by stack.
  ///
  /// - Parameter minimumAge: seconds; younger blocks are left out.
  borrowing func liveBlocks(minimumAge: Double) -> [StackSlot: LiveBlocks] {
    let unit = Double(1 << BLOCK_BORN_SHIFT) / 1e9
    let now = UInt32(truncatingIfNeeded: SystemClock.monotonicNanoseconds >> BLOCK_BORN_SHIFT)
    var result: [StackSlot: LiveBlocks] = [:]
    var lastSite: UInt32 = 0
    var last = LiveBlocks()
    forEachBlock { _, record in
      // A block may be younger than `now` by the time it is read.
      let age = Double(max(0, Int32(bitPattern: now &- record.born))) * unit
      guard age >= minimumAge else { return }
      if record.site != lastSite {
        if lastSite != 0 { result[StackSlot(rawValue: lastSite)] = last }
        lastSite = record.site
        last = result[StackSlot(rawValue: lastSite)] ?? LiveBlocks()
      }
      last.blocks += 1
      last.bytes += record.size
      last.oldest = max(last.oldest, age)
    }
    if lastSite != 0 { result[StackSlot(rawValue: lastSite)] = last }
    return result
  }

  /// Empties the slots of processes that have ended or begun another program, so that others can use them.
  ///
  /// Their threads are gone, so nobody else writes to those slots.
  borrowing func removeBlocks(of ended: Set<UInt32>) -> Int {
    var removed = 0
    for bucket in 0..<table.count {
      let start = table.mutableBytes(at: bucket)
      for slot in 0..<BLOCK_BUCKET_SLOTS {
        let keyPlace = start + 8 * slot
        let key = keyPlace.load(as: UInt64.self)
        guard key != 0, ended.contains(UInt32(key >> BLOCK_KEY_ADDRESS_BITS)) else {
          continue
        }
        let record = start + 64 + 16 * slot
        (record + 8).storeBytes(of: 0, as: UInt64.self)
        keyPlace.storeBytes(of: 0, as: UInt64.self)
        removed += 1
      }
    }
    return removed
  }

  private borrowing func forEachBlock(_ body: (UInt64, block_record) -> Void) {
    let memory = table.bytes
    guard let base = memory.baseAddress else { return }
    let slots = BLOCK_BUCKET_SLOTS
    for bucket in 0..<table.count {
      let start = base + bucket * table.stride
      for slot in 0..<slots {
        let key = start.load(fromByteOffset: 8 * slot, as: UInt64.self)
        guard key != 0 else { continue }
        // `site` and `born` are one word, which the programs write last and clear first.
        let place = 8 * slots + 16 * slot
        let word = start.load(fromByteOffset: place + 8, as: UInt64.self)
        let size = start.load(fromByteOffset: place, as: UInt64.self)
        guard UInt32(truncatingIfNeeded: word) != 0,
          start.load(fromByteOffset: place + 8, as: UInt64.self) == word,
          start.load(fromByteOffset: 8 * slot, as: UInt64.self) == key
        else { continue }
        let record = block_record(
          size: size, site: UInt32(truncatingIfNeeded: word),
          born: UInt32(truncatingIfNeeded: word >> 32))
        body(key, record)
      }
    }
  }
}
