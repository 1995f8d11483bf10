import AllocationModel
import BPFRuntime
import Glibc
import LinuxSystem
import ProbeABI
import Synchronization

/// What the block table says about the live blocks of one stack.
package struct LiveBlocks: Hashable, Sendable {
  package var blocks: UInt64 = 0
  /// Bytes as requested.
  package var bytes: UInt64 = 0
  /// Age of the oldest in seconds.
  package var oldest: Double = 0
}

/// What tells a live block from an earlier one at the same address.
package struct RecordedBlock: Hashable, Sendable {
  package var stack: StackSlot
  /// In ticks.
  package var born: UInt32
  /// Bytes as requested.
  package var byteCount: UInt64
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
  /// - Parameters:
  ///   - stackCapacity: the highest stack number there can be.
  ///   - now: in ticks, as blocks have their births.
  borrowing func liveBlocks(stackCapacity: Int, now: UInt32) -> [StackSlot: LiveBlocks] {
    let unit = SystemClock.secondsPerTick
    var sums = [(blocks: UInt64, bytes: UInt64, oldest: Int32)](
      repeating: (0, 0, 0), count: stackCapacity + 1)
    let slots = BLOCK_BUCKET_SLOTS
    guard var bucket = table.bytes.baseAddress else { return [:] }
    for _ in 0..<table.count {
      for slot in 0..<slots {
        guard let record = Self.record(in: bucket, slot: slot), Int(record.site) < sums.count
        else { continue }
        // A block may be younger than `now` by the time it is read.
        let age = max(0, Int32(bitPattern: now &- record.born))
        sums[Int(record.site)].blocks &+= 1
        sums[Int(record.site)].bytes &+= record.size
        sums[Int(record.site)].oldest = max(sums[Int(record.site)].oldest, age)
      }
      bucket += table.stride
    }
    var result: [StackSlot: LiveBlocks] = [:]
    for (site, sum) in sums.enumerated() where sum.blocks > 0 {
      result[StackSlot(rawValue: UInt32(site))] = LiveBlocks(
        blocks: sum.blocks, bytes: sum.bytes, oldest: Double(sum.oldest) * unit)
    }
    return result
  }

  /// Visits the live blocks of one process.
  borrowing func forEachBlock(
    of process: UInt32, _ body: (_ address: UInt64, _ block: RecordedBlock) -> Void
  ) {
    for index in 0..<table.count {
      let bucket = table.bytes(at: index)
      for slot in 0..<BLOCK_BUCKET_SLOTS {
        let key = bucket.load(fromByteOffset: 8 * slot, as: UInt64.self)
        guard key != 0, UInt32(key >> BLOCK_KEY_ADDRESS_BITS) == process,
          let record = Self.record(in: bucket, slot: slot)
        else { continue }
        let address = (key & ((1 << BLOCK_KEY_ADDRESS_BITS) - 1)) << BLOCK_ADDRESS_SHIFT
        body(
          address,
          RecordedBlock(
            stack: StackSlot(rawValue: record.site), born: record.born, byteCount: record.size))
      }
    }
  }

  /// The record of a slot; nil if it has none or changes meanwhile.
  private static func record(in bucket: UnsafeRawPointer, slot: Int) -> block_record? {
    // Atomic: the compiler would take the second look at a plain word for the first one.
    func word(_ index: Int) -> UInt64 {
      (bucket + 8 * index).assumingMemoryBound(to: Atomic<UInt64>.self).pointee.load(
        ordering: .acquiring)
    }
    let place = BLOCK_BUCKET_SLOTS + 2 * slot
    let key = word(slot)
    guard key != 0 else { return nil }
    // `site` and `born` are one word, which the programs write last and clear first.
    let siteAndBorn = word(place + 1)
    let size = word(place)
    let site = UInt32(truncatingIfNeeded: siteAndBorn)
    guard site != 0, word(place + 1) == siteAndBorn, word(slot) == key else { return nil }
    return block_record(size: size, site: site, born: UInt32(siteAndBorn >> 32))
  }

  /// Empties all slots. No probe may be attached that fills them.
  borrowing func removeAllBlocks() {
    for bucket in 0..<table.count { memset(table.mutableBytes(at: bucket), 0, table.stride) }
  }

  /// Empties the slots of processes that have ended or begun another program, so that others can use them.
  ///
  /// Their threads are gone, so nobody else writes to those slots.
  borrowing func removeBlocks(of ended: Set<UInt32>) {
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
      }
    }
  }
}
