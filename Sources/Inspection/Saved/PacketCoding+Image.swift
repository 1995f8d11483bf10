import AllocationModel
import Executables
import LinuxSystem
import Processes

/// Limits of what a snapshot may say, so that sums of it stay numbers.
enum SavedLimit {
  /// Above all addresses that a process can have (five-level paging: 2⁵⁶).
  static let address: UInt64 = 1 << 57
  static let byteCount: UInt64 = 1 << 57
}

extension PacketWriter {
  mutating func put(_ origin: HeapSnapshot.Origin, _ image: ProcessImage) {
    put(origin.name)
    put(origin.unixNanoseconds)
    put(UInt8(origin.hasContents ? 1 : 0))
    put(image.pid)
    put(Int64(image.pause / .nanoseconds(1)))
    put(short: UInt64(image.unreadablePageCount))
    put(optional: image.residentByteCount) { $0.put(short: $1) }
  }

  /// Ranges as the distance from the end of the one before, and their length.
  mutating func put(ascending ranges: [Range<UInt64>], from start: UInt64 = 0) {
    put(short: UInt64(ranges.count))
    var end = start
    for range in ranges {
      put(short: range.lowerBound - end)
      put(short: range.upperBound - range.lowerBound)
      end = range.upperBound
    }
  }

  mutating func put(_ regions: [ImageRegion]) {
    put(ascending: regions.map(\.range))
    for region in regions {
      let mapping = region.mapping
      put(mapping.permissions.rawValue)
      put(short: mapping.fileOffset)
      put(mapping.deviceMajor)
      put(mapping.deviceMinor)
      put(short: mapping.inode)
      put(optional: mapping.path) { $0.put($1) }
      put(UInt8((mapping.isDeleted ? 1 : 0) | (region.isCopied ? 2 : 0)))
      for runs in [region.written, region.resident, region.own] {
        put(ascending: runs, from: mapping.start)
      }
    }
  }

  mutating func put(_ threads: [ThreadState]) {
    put(short: UInt64(threads.count))
    for thread in threads {
      put(thread.tid)
      put(optional: thread.name) { $0.put($1) }
      for value in thread.registers.values { put(value) }
    }
  }
}

/// What a snapshot says of an image beside its regions and threads.
struct ImageFacts {
  var pid: Int32
  var pause: Duration
  var unreadablePageCount: Int
  var residentByteCount: UInt64?
}

extension PacketReader {
  mutating func origin() -> (HeapSnapshot.Origin, ImageFacts)? {
    guard let name = string(), let time = number(Int64.self), let hasContents = flags(below: 2),
      let pid = number(Int32.self), let pause = number(Int64.self), pause >= 0,
      let unreadable = size(), let resident = optional({ $0.size() })
    else { return nil }
    return (
      HeapSnapshot.Origin(name: name, unixNanoseconds: time, hasContents: hasContents == 1),
      ImageFacts(
        pid: pid, pause: .nanoseconds(pause), unreadablePageCount: Int(unreadable),
        residentByteCount: resident)
    )
  }

  /// A number of bytes or things.
  mutating func size() -> UInt64? {
    guard let value = short(), value < SavedLimit.byteCount else { return nil }
    return value
  }

  mutating func flags(below limit: UInt8) -> UInt8? {
    guard let value = number(UInt8.self), value < limit else { return nil }
    return value
  }

  /// As many as are announced.
  mutating func list<Element>(_ read: (inout Self) -> Element?) -> [Element]? {
    guard let count = size() else { return nil }
    var list: [Element] = []
    for _ in 0..<count {
      guard let element = read(&self) else { return nil }
      list.append(element)
    }
    return list
  }

  /// Ranges that are not empty and do not overlap.
  mutating func ascendingRanges(
    from start: UInt64 = 0, to limit: UInt64 = SavedLimit.address
  ) -> [Range<UInt64>]? {
    var end = start
    return list { reader in
      guard let range = reader.range(behind: end), range.upperBound <= limit else { return nil }
      end = range.upperBound
      return range
    }
  }

  private mutating func range(behind end: UInt64) -> Range<UInt64>? {
    guard let gap = size(), let byteCount = size(), byteCount > 0 else { return nil }
    let start = end + gap
    return start..<start + byteCount
  }

  mutating func regions() -> [ImageRegion]? {
    guard let ranges = ascendingRanges() else { return nil }
    var regions: [ImageRegion] = []
    for range in ranges {
      guard let region = region(range) else { return nil }
      regions.append(region)
    }
    return regions
  }

  private mutating func region(_ range: Range<UInt64>) -> ImageRegion? {
    guard let permissions = flags(below: 16), let fileOffset = short(),
      let major = number(UInt32.self), let minor = number(UInt32.self), let inode = short(),
      let path = optional({ $0.string() }), let flags = flags(below: 4),
      let written = ascendingRanges(from: range.lowerBound, to: range.upperBound),
      let resident = ascendingRanges(from: range.lowerBound, to: range.upperBound),
      let own = ascendingRanges(from: range.lowerBound, to: range.upperBound)
    else { return nil }
    var memory: ReservedMemory?
    if flags & 2 != 0 {
      memory = try? ReservedMemory(byteCount: Int(range.upperBound - range.lowerBound))
      guard memory != nil else { return nil }
    }
    return ImageRegion(
      mapping: MemoryMapping(
        start: range.lowerBound, end: range.upperBound,
        permissions: MemoryMapping.Permissions(rawValue: permissions), fileOffset: fileOffset,
        deviceMajor: major, deviceMinor: minor, inode: inode, path: path,
        isDeleted: flags & 1 != 0), written: written, resident: resident, own: own, memory: memory)
  }

  mutating func threads() -> [ThreadState]? {
    list { reader in
      guard let tid = reader.number(Int32.self), let name = reader.optional({ $0.string() })
      else { return nil }
      var values: [UInt64] = []
      for _ in ThreadRegisters.names {
        guard let value = reader.number(UInt64.self) else { return nil }
        values.append(value)
      }
      return ThreadState(tid: tid, registers: ThreadRegisters(values: values), name: name)
    }
  }
}
