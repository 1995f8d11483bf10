import Processes

/// A live block that tracing knows of, whatever allocator it came from.
package struct TracedBlock: Hashable, Sendable {
  package var address: UInt64
  /// Bytes as requested.
  package var byteCount: UInt64
  /// When it was allocated, in ticks that wrap.
  package var born: UInt32

  package init(address: UInt64, byteCount: UInt64, born: UInt32) {
    self.address = address
    self.byteCount = byteCount
    self.born = born
  }
}

extension HeapWalk {
  /// Takes over blocks from tracing that were not found by walking; how many these are.
  ///
  /// - Parameters:
  ///   - isComplete: whether these are all that there are; then what lies between them holds nothing.
  ///   - regions: of the image, ascending.
  mutating func add(
    _ traced: [TracedBlock], isComplete: Bool = false, in regions: [ImageRegion]
  ) -> Int {
    let walked = AddressRuns(merging: heapRanges)
    var added: [HeapBlock] = []
    var births: [UInt32] = []
    for block in traced.sorted(by: { $0.address < $1.address })
    where !walked.contains(block.address) {
      let size = max(1, block.byteCount)
      guard block.address.addingReportingOverflow(size).overflow == false else { continue }
      if let last = added.last, last.address + last.byteCount > block.address {
        // Of two in one place the older one was freed unseen.
        guard Int32(bitPattern: block.born &- births[births.count - 1]) >= 0 else { continue }
        added.removeLast()
        births.removeLast()
      }
      added.append(HeapBlock(address: block.address, byteCount: size, arena: HeapBlock.mapped))
      births.append(block.born)
    }
    guard !added.isEmpty else { return 0 }
    let mappings = Self.mappings(of: added, in: regions)
    if !isComplete { unknownRanges = mappings }
    blocks = (blocks + added).sorted { $0.address < $1.address }
    heapRanges =
      AddressRuns(
        merging: heapRanges + added.map { $0.address..<$0.address + $0.byteCount }
          + (isComplete ? mappings : [])
      ).runs
    return added.count
  }

  /// Anonymous mappings in which blocks begin, apart from what a file's variables continue in (`.bss`).
  private static func mappings(
    of blocks: [HeapBlock], in regions: [ImageRegion]
  ) -> [Range<UInt64>] {
    var found: [Range<UInt64>] = []
    var next = 0
    for (number, region) in regions.enumerated() {
      while next < blocks.count, blocks[next].address < region.mapping.start { next += 1 }
      guard next < blocks.count, region.mapping.contains(blocks[next].address) else { continue }
      let continuesFile =
        number > 0 && regions[number - 1].mapping.isFile
        && regions[number - 1].mapping.end == region.mapping.start
      if region.isAnonymous, !continuesFile { found.append(region.range) }
    }
    return found
  }
}

extension ProcessImage {
  /// Finds the blocks of the process, whose files are read for how its allocator keeps them.
  ///
  /// - Parameters:
  ///   - isComplete: whether tracing has seen all blocks that there are.
  ///   - traced: what tracing has seen allocated and not freed. Of allocators whose memory is not understood the blocks
  ///     are these, and no others. Not asked for where there seems to be no such allocator.
  /// - Throws: `InspectionError` if its allocator is none that can be read, and nothing was traced.
  package func walkHeap(
    isComplete: Bool = false, traced: () -> [TracedBlock] = { [] }
  ) throws(InspectionError) -> HeapWalk {
    let process = ProcessDirectory(pid: pid)
    let mappings = regions.map(\.mapping)
    let others = OtherAllocator.all(of: process, mappings: mappings).map(\.rawValue)
      .joined(separator: " and ")
    do throws(InspectionError) {
      var walk = try GlibcWalker(GlibcModule.find(in: process, mappings: mappings)).walk(self)
      // To look through a million blocks that the walk has found, too, would take longer than the walk.
      guard !others.isEmpty || isComplete else { return walk }
      let count = walk.add(traced(), isComplete: isComplete, in: regions)
      guard !others.isEmpty || count > 0 else { return walk }
      walk.checks.append(
        HeapCheck(
          name: "allocators", isOK: false,
          detail:
            "the program has \(others.isEmpty ? "another allocator" : others), too, whose blocks are not among these"
            + (count > 0 ? ", but for \(count) that were seen when they were allocated" : "")))
      return walk
    } catch .unknownAllocator(_, let detail) {
      var walk = HeapWalk(allocator: others.isEmpty ? "unknown" : others)
      let count = walk.add(traced(), isComplete: isComplete, in: regions)
      guard count > 0 else {
        throw others.isEmpty
          ? .unknownAllocator(pid: pid, detail: detail)
          : .otherAllocator(pid: pid, name: others, detail: detail)
      }
      walk.checks.append(
        HeapCheck(
          name: "allocators", isOK: false,
          detail:
            "\(count) blocks that were seen when they were allocated; older ones are not among these"
        ))
      return walk
    }
  }
}
