import AllocationModel
import Processes

/// What lies where in one process: disjoint regions sorted by address.
struct AddressSpace: Sendable {
  struct Region: Sendable {
    var mapping: MemoryMapping
    /// nil for what is no readable executable file.
    var module: Module?
    /// Nothing is mapped there any more.
    var isRetired: Bool
    /// File name without folder, or the kernel's name in brackets.
    let name: String

    init(mapping: MemoryMapping, module: Module?, isRetired: Bool = false) {
      self.mapping = mapping
      self.module = module
      self.isRetired = isRetired
      if let path = mapping.path {
        name = mapping.isFile ? path.split(separator: "/").last.map(String.init) ?? path : path
      } else {
        name = "[anon]"
      }
    }

    /// Where in the mapped file a byte of the region is.
    func fileOffset(of address: UInt64) -> UInt64 {
      address - mapping.start &+ mapping.fileOffset
    }

    /// Code that the program made itself: in unnamed memory, or in a file that has no path (memfd_create(2)).
    var isGenerated: Bool {
      guard module == nil, mapping.permissions.contains(.execute) else { return false }
      return !mapping.isFile && mapping.path?.hasPrefix("[v") != true
        || mapping.path?.hasPrefix("/memfd:") == true
    }
  }

  /// How many regions of unmapped libraries are remembered.
  private static let retiredLimit = 1024

  private var regions: [Region] = []

  func region(at address: UInt64) -> Region? {
    let index = firstIndex(endingBehind: address)
    guard index < regions.count, regions[index].mapping.contains(address) else { return nil }
    return regions[index]
  }

  /// Replaces the mappings.
  ///
  /// Code that is gone stays known where nothing else is mapped now: stacks recorded before a library was
  /// closed are often named after it.
  mutating func update(_ mappings: [MemoryMapping], module: (MemoryMapping) -> Module?) {
    var fresh: [Region] = []
    for mapping in mappings.sorted(by: { $0.start < $1.start }) {
      if let last = fresh.last, mapping.start < last.mapping.end { continue }
      let known = region(at: mapping.start)
      if let known, !known.isRetired, known.mapping == mapping {
        fresh.append(known)
      } else {
        fresh.append(Region(mapping: mapping, module: module(mapping)))
      }
    }
    let old = regions
    regions = fresh
    let retired = old.filter { $0.module != nil && !overlaps($0.mapping) }.map {
      Region(mapping: $0.mapping, module: $0.module, isRetired: true)
    }
    regions += retired.suffix(Self.retiredLimit)
    regions.sort { $0.mapping.start < $1.mapping.start }
  }

  /// Puts one more mapping in, over whatever was there before.
  mutating func insert(_ mapping: MemoryMapping, module: Module?) {
    let first = firstIndex(endingBehind: mapping.start)
    var kept: [Region] = []
    var last = first
    while last < regions.count, regions[last].mapping.start < mapping.end {
      kept += regions[last].parts(outside: mapping)
      last += 1
    }
    kept.append(Region(mapping: mapping, module: module))
    kept.sort { $0.mapping.start < $1.mapping.start }
    regions.replaceSubrange(first..<last, with: kept)
  }

  private func overlaps(_ mapping: MemoryMapping) -> Bool {
    let index = firstIndex(endingBehind: mapping.start)
    return index < regions.count && regions[index].mapping.start < mapping.end
  }

  private func firstIndex(endingBehind address: UInt64) -> Int {
    regions.endOfPrefix { $0.mapping.end <= address }
  }
}

extension AddressSpace.Region {
  /// What is left of the region where another mapping lies over it: up to two parts.
  fileprivate func parts(outside other: MemoryMapping) -> [Self] {
    var parts: [Self] = []
    if mapping.start < other.start {
      var low = self
      low.mapping.end = other.start
      parts.append(low)
    }
    if mapping.end > other.end {
      var high = self
      high.mapping.fileOffset &+= other.end &- mapping.start
      high.mapping.start = other.end
      parts.append(high)
    }
    return parts
  }
}
