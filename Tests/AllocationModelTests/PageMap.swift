import AllocationModel

/// What `MappingLedger` is compared with: one owner per page, every rule spelled out page by page.
struct PageMap {
  struct Page: Hashable {
    var mapping: Int
    var site: Int?
  }

  enum Event {
    case map(Range<Int>, site: Int?)
    case unmap(Range<Int>)
    case restore(Range<Int>)
    case move(from: Range<Int>, to: Range<Int>)
    case programBreak(from: Int, to: Int, site: Int?)
    /// What is still mapped.
    case reconcile(mapped: [Range<Int>])
  }

  static let pageSize: UInt64 = 4096

  private(set) var pages: [Page?]
  /// Pages and mappings by site; moves that grow allocate.
  private(set) var allocatedPages: [Int: Int] = [:]
  private(set) var allocatedMappings: [Int: Int] = [:]

  private var lastMapping = 0
  private var removals: [(range: Range<Int>, pages: [Page?])] = []

  init(pageCount: Int) {
    pages = Array(repeating: nil, count: pageCount)
  }

  mutating func apply(_ event: Event) {
    switch event {
    case .map(let range, let site): map(range, site: site)
    case .unmap(let range):
      guard !range.isEmpty else { return }
      removals.append((range, Array(pages[range])))
      if removals.count > 64 { removals.removeFirst() }
      clear(range)
    case .restore(let range):
      for (page, removed) in zip(range, takeRemoval(of: range)) where pages[page] == nil {
        pages[page] = removed
      }
    case .move(let old, let new): move(from: old, to: new)
    case .programBreak(let old, let new, let site):
      if new > old { map(old..<new, site: site) } else { clear(new..<old) }
    case .reconcile(let mapped):
      for page in pages.indices where !mapped.contains(where: { $0.contains(page) }) {
        pages[page] = nil
      }
    }
  }

  private mutating func map(_ range: Range<Int>, site: Int?) {
    guard !range.isEmpty else { return }
    lastMapping += 1
    for page in range { pages[page] = Page(mapping: lastMapping, site: site) }
    guard let site else { return }
    allocatedPages[site, default: 0] += range.count
    allocatedMappings[site, default: 0] += 1
  }

  /// Each page moves with its owner; what a larger range has more belongs to the owner of the last page.
  private mutating func move(from old: Range<Int>, to new: Range<Int>) {
    let moved = takeRemoval(of: old)
    clear(new)
    guard let last = moved.last(where: { $0 != nil }) ?? nil else { return }
    for (page, owner) in zip(new, moved) { pages[page] = owner }
    guard new.count > old.count else { return }
    for page in new.dropFirst(old.count) { pages[page] = last }
    if let site = last.site { allocatedPages[site, default: 0] += new.count - old.count }
  }

  private mutating func clear(_ range: Range<Int>) {
    for page in range { pages[page] = nil }
  }

  private mutating func takeRemoval(of range: Range<Int>) -> [Page?] {
    guard let index = removals.lastIndex(where: { $0.range == range }) else { return [] }
    return removals.remove(at: index).pages
  }
}

// MARK: - Comparing

extension PageMap {
  /// What a ledger that saw the same events must say.
  var countersBySite: [Int: AllocationCounters] {
    var result: [Int: AllocationCounters] = [:]
    for (site, mappings) in allocatedMappings {
      let live = pages.compactMap { $0 }.filter { $0.site == site }
      let allocated = allocatedPages[site] ?? 0
      result[site] = AllocationCounters(
        allocatedBytes: UInt64(allocated) * Self.pageSize, allocatedBlocks: UInt64(mappings),
        freedBytes: UInt64(allocated - live.count) * Self.pageSize,
        freedBlocks: UInt64(mappings - Set(live.map(\.mapping)).count))
    }
    return result
  }

  enum Owner: Hashable {
    case unmapped
    case site(Int?)
  }

  var owners: [Owner] {
    pages.map { page in
      if let page { .site(page.site) } else { .unmapped }
    }
  }
}

extension MappingLedger<Int> {
  mutating func apply(_ event: PageMap.Event) {
    func bytes(_ range: Range<Int>) -> Range<UInt64> {
      UInt64(range.lowerBound) * PageMap.pageSize..<UInt64(range.upperBound) * PageMap.pageSize
    }
    switch event {
    case .map(let range, let site): map(bytes(range), site: site)
    case .unmap(let range): unmap(bytes(range))
    case .restore(let range): restore(bytes(range))
    case .move(let old, let new): move(from: bytes(old), to: bytes(new))
    case .programBreak(let old, let new, let site):
      moveProgramBreak(
        from: UInt64(old) * PageMap.pageSize, to: UInt64(new) * PageMap.pageSize, site: site)
    case .reconcile(let mapped): reconcile(with: mapped.map(bytes))
    }
  }

  /// The owner of each page, nil when intervals overlap, are out of order or empty.
  func owners(pageCount: Int) -> [PageMap.Owner]? {
    var owners = Array(repeating: PageMap.Owner.unmapped, count: pageCount)
    var end: UInt64 = 0
    for interval in intervals {
      guard interval.range.lowerBound >= end, !interval.range.isEmpty else { return nil }
      end = interval.range.upperBound
      let first = Int(interval.range.lowerBound / PageMap.pageSize)
      for page in first..<Int(end / PageMap.pageSize) { owners[page] = .site(interval.site) }
    }
    return owners
  }
}
