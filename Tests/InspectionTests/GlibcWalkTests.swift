import TestSupport
import Testing

@testable import Inspection

@Suite struct GlibcWalkTests {
  /// One of each kind of layout.
  static let versions: [GlibcLayout.Version] = [
    .init(2, 26), .init(2, 28), .init(2, 31), .init(2, 34), .init(2, 36), .init(2, 41),
  ]

  @Test(arguments: versions)
  func `what is in no list is held`(version: GlibcLayout.Version) throws {
    var generator = SeededGenerator(seed: 1)
    for _ in 0..<20 {
      let heap = SyntheticHeap.random(try #require(GlibcLayout(version)), &generator)
      let walk = try heap.walker.walk(try heap.image())
      #expect(walk.blocks == heap.heldBlocks)
      #expect(walk.checks.filter { !$0.isOK }.isEmpty)
      let counts = Dictionary(grouping: walk.freeChunks, by: \.kind).mapValues(\.count)
      #expect(counts[.binned] ?? 0 == heap.chunks.count { $0.use == .binned })
      #expect(counts[.cached] ?? 0 == heap.chunks.count { $0.use == .cached })
      #expect(counts[.fast] ?? 0 == heap.chunks.count { $0.use == .fast })
      #expect(counts[.top] == 1)
    }
  }

  private static func heap(_ uses: [SyntheticHeap.Use]) throws -> SyntheticHeap {
    SyntheticHeap(
      try #require(GlibcLayout(.init(2, 36))), uses.map { .init(byteCount: 0x40, use: $0) })
  }

  @Test func `behind a damaged header the walk goes on, and says where it was`() throws {
    var heap = try Self.heap(Array(repeating: .held, count: 60))
    let victim = heap.chunks[10].address
    heap.put(0xdead_beef_dead_beef, at: victim + 8)
    let walk = try heap.walker.walk(try heap.image())
    #expect(walk.damage.map(\.address) == [victim])
    #expect(walk.blocks == heap.heldBlocks.filter { $0.address != victim + 16 })
    #expect(walk.checks.first { $0.name == "damage" }?.isOK == false)
  }

  @Test func `a list that leads astray is reported, and what it lost counts as held`() throws {
    var heap = try Self.heap([.held, .fast, .fast, .held])
    heap.put(0x1234_5678_9ab0, at: heap.chunks[1].address + 16)
    let walk = try heap.walker.walk(try heap.image())
    #expect(walk.damageCount == 1)
    #expect(walk.checks.first { $0.name == "lists" }?.isOK == false)
    #expect(walk.blocks.contains { $0.address == heap.chunks[2].address + 16 })
  }

  @Test func `a wrong sum of the arena fails the check of coverage`() throws {
    var heap = try Self.heap([.held])
    heap.put(0x22000, at: SyntheticHeap.arena + UInt64(heap.layout.systemMemory))
    heap.put(0x22000, at: SyntheticHeap.arena + UInt64(heap.layout.maximumSystemMemory))
    let walk = try heap.walker.walk(try heap.image())
    #expect(walk.checks.filter { !$0.isOK }.map(\.name) == ["coverage"])
  }

  @Test func `without an arena there is no walk`() throws {
    var heap = try Self.heap([.held])
    heap.put(0, at: SyntheticHeap.arena + UInt64(heap.layout.next))
    let image = try heap.image()
    #expect(throws: InspectionError.self) { try heap.walker.walk(image) }
  }

  /// For two seconds, from one seed, so that a failure can be repeated.
  @Test(.timeLimit(.minutes(1)))
  func `no damage makes the walk crash or loop`() throws {
    var generator = SeededGenerator(seed: 7)
    let deadline = ContinuousClock.now + .seconds(2)
    var rounds = 0
    var finished = 0
    repeat {
      let version = generator.pick(Self.versions)
      var heap = SyntheticHeap.random(try #require(GlibcLayout(version)), &generator)
      for _ in 0..<Int.random(in: 1...8, using: &generator) { Self.damage(&heap, &generator) }
      let began = ContinuousClock.now
      if (try? heap.walker.walk(try heap.image())) != nil { finished += 1 }
      #expect(ContinuousClock.now - began < .seconds(60))
      rounds += 1
    } while ContinuousClock.now < deadline
    #expect(rounds > 10)
    #expect(finished > rounds / 4)
  }

  /// Changes a word: mostly of those that mean something.
  private static func damage(_ heap: inout SyntheticHeap, _ generator: inout SeededGenerator) {
    let chunk = generator.pick(heap.chunks).address
    let place: UInt64 =
      switch Int.random(in: 0..<6, using: &generator) {
      case 0: chunk + 8
      case 1: chunk + generator.pick([16, 24])
      case 2: SyntheticHeap.arena + UInt64.random(in: 0..<280, using: &generator) * 8
      case 3: SyntheticHeap.heapStart + UInt64.random(in: 0..<90, using: &generator) * 8
      case 4: SyntheticHeap.parameters + UInt64.random(in: 0..<16, using: &generator) * 8
      default: SyntheticHeap.mappedStart + generator.pick([0, 8])
      }
    let value: UInt64 =
      switch Int.random(in: 0..<7, using: &generator) {
      case 0: 0
      case 1: .max
      case 2: generator.pick(heap.chunks).address
      case 3: generator.pick(heap.chunks).address + 16
      case 4: UInt64.random(in: 0..<0x3000, using: &generator)
      case 5: .max - UInt64.random(in: 0..<0x1000, using: &generator)
      default: .random(in: .min ... .max, using: &generator)
      }
    heap.put(value, at: place)
  }
}
