import TestSupport
import Testing

@testable import AllocationProbes

@Suite struct SliceAllocatorTests {
  @Test func `parts are handed out from the beginning, without gaps`() {
    var allocator = SliceAllocator(capacity: 10)
    #expect(allocator.allocate(4) == 0..<4)
    #expect(allocator.allocate(5) == 4..<9)
    #expect(allocator.allocate(2) == nil)
    #expect(allocator.allocate(1) == 9..<10)
    #expect(allocator.allocate(1) == nil)
    #expect(allocator.freeCount == 0)
  }

  @Test(arguments: [0, -1])
  func `nothing is handed out of an array without entries`(capacity: Int) {
    var allocator = SliceAllocator(capacity: capacity)
    #expect(allocator.allocate(1) == nil)
    allocator.retire()
    #expect(allocator.freeCount == 0)
  }

  @Test func `what was given back is handed out again after the second retire`() {
    var allocator = SliceAllocator(capacity: 3)
    #expect(allocator.allocate(3) == 0..<3)
    allocator.giveBack(0..<3)
    #expect(allocator.allocate(1) == nil)
    allocator.retire()
    #expect(allocator.allocate(1) == nil)
    allocator.retire()
    #expect(allocator.allocate(3) == 0..<3)
  }

  @Test func `what is given back between two retires waits for two more`() {
    var allocator = SliceAllocator(capacity: 2)
    #expect(allocator.allocate(2) == 0..<2)
    allocator.giveBack(0..<1)
    allocator.retire()
    allocator.giveBack(1..<2)
    allocator.retire()
    #expect(allocator.allocate(2) == nil)
    #expect(allocator.freeCount == 1)
    allocator.retire()
    #expect(allocator.allocate(2) == 0..<2)
  }

  @Test(arguments: [[0, 1, 2], [2, 1, 0], [1, 2, 0], [0, 2, 1]])
  func `neighbours become one part, in whatever order they come back`(order: [Int]) {
    var allocator = SliceAllocator(capacity: 9)
    let parts = (0..<3).compactMap { _ in allocator.allocate(3) }
    #expect(parts == [0..<3, 3..<6, 6..<9])
    for index in order {
      allocator.giveBack(parts[index])
      allocator.retire()
    }
    allocator.retire()
    #expect(allocator.allocate(9) == 0..<9)
  }

  @Test func `an empty part given back changes nothing`() {
    var allocator = SliceAllocator(capacity: 2)
    allocator.giveBack(1..<1)
    allocator.retire()
    allocator.retire()
    #expect(allocator.allocate(2) == 0..<2)
  }

  @Test(arguments: 1...20 as ClosedRange<UInt64>)
  func `no entry is handed out that is in use or may still be read`(seed: UInt64) {
    var generator = SeededGenerator(seed: seed)
    let capacity = Int.random(in: 1...60, using: &generator)
    var allocator = SliceAllocator(capacity: capacity)
    var model = EntryModel(capacity: capacity)
    var held: [Range<Int>] = []
    var handedOut = 0
    for _ in 0..<2000 {
      switch Int.random(in: 0..<10, using: &generator) {
      case 0..<5:
        let count = Int.random(in: 1...8, using: &generator)
        let part = allocator.allocate(count)
        // The first place that is large enough, as nothing else is said of neighbours that were joined.
        #expect(part == model.firstFree(count))
        if let part {
          model.mark(part, .held)
          held.append(part)
          handedOut += 1
        }
      case 5..<8:
        guard let index = held.indices.randomElement(using: &generator) else { continue }
        let part = held.remove(at: index)
        allocator.giveBack(part)
        model.mark(part, .waiting(retires: 2))
      default:
        allocator.retire()
        model.retire()
      }
      #expect(allocator.freeCount == model.freeCount)
    }
    #expect(handedOut > 100)
  }
}

/// What becomes of each entry.
private struct EntryModel {
  enum Entry: Equatable {
    case free, held
    case waiting(retires: Int)
  }

  private var entries: [Entry]

  init(capacity: Int) { entries = Array(repeating: .free, count: capacity) }

  var freeCount: Int { entries.count { $0 == .free } }

  func firstFree(_ count: Int) -> Range<Int>? {
    guard count <= entries.count else { return nil }
    return (0...entries.count - count).map { $0..<$0 + count }.first { part in
      entries[part].allSatisfy { $0 == .free }
    }
  }

  mutating func mark(_ part: Range<Int>, _ entry: Entry) {
    for index in part { entries[index] = entry }
  }

  mutating func retire() {
    for index in entries.indices {
      guard case .waiting(let retires) = entries[index] else { continue }
      entries[index] = retires == 1 ? .free : .waiting(retires: retires - 1)
    }
  }
}
