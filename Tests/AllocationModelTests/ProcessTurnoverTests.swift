import AllocationModel
import Testing

/// Processes that come and go.
@Suite struct ProcessTurnoverTests {
  @Test func `two processes that had the same pid are two rows with their own sites`() {
    var builder = SnapshotBuilder()
    let first = ProcessIdentity(pid: 7, startTicks: 100)
    let second = ProcessIdentity(pid: 7, startTicks: 900)
    _ = builder.fold(
      reading(at: 0, [site(counters(allocated: 5), in: first)], targets: [target(first)]))
    let snapshot = builder.fold(
      reading(at: 1, [site(counters(allocated: 9), in: second)], targets: [target(second)]))
    #expect(snapshot.targets.map(\.process) == [first, second])
    #expect(snapshot.targets.map(\.hasExited) == [true, false])
    let blocks = snapshot.sites.map { [$0.startTicks, $0.counters.allocatedBlocks] }
    #expect(Set(blocks) == [[100, 5], [900, 9]])
  }

  @Test func `of a process that has ended the twenty largest sites are kept`() {
    var builder = SnapshotBuilder()
    let sites = (1...50).map { site(counters(allocated: $0), id: $0) }
    _ = builder.fold(reading(at: 0, sites))
    let snapshot = builder.fold(reading(at: 1, [], targets: []))
    #expect(snapshot.sites.map(\.id.rawValue).sorted() == Array(31...50))
  }

  @Test func `a process that has ended keeps its peaks, its growth and how it ended`() throws {
    var builder = SnapshotBuilder()
    for step in 0..<10 {
      var row = target()
      row.residentAnonymousBytes = UInt64(step + 1) << 20
      row.counters = counters(allocated: 10, freed: step == 9 ? 10 : 0)
      _ = builder.fold(reading(at: Double(step), [], targets: [row]))
    }
    var last = target(hasExited: true)
    last.ending = .outOfMemory
    _ = builder.fold(reading(at: 10, [], targets: [last]))
    let row = try #require(builder.fold(reading(at: 11, [], targets: [])).targets.first)
    #expect(row.hasExited)
    #expect(row.ending == .outOfMemory)
    #expect(row.peakAnonymousBytes == 10 << 20)
    #expect(row.peakLiveBytes == 1000)
    #expect(
      row.anonymousGrowth
        == GrowthRate(
          bytesPerSecond: 1_048_576, low: 1_048_576, high: 1_048_576))
  }

  @Test func `a process that is read again has not ended`() throws {
    var builder = SnapshotBuilder(settings: .init(exitedProcessLimit: 1))
    for step in 0..<6 {
      let targets = step % 2 == 0 ? [target()] : []
      _ = builder.fold(reading(at: Double(step), [], targets: targets))
    }
    let row = try #require(builder.fold(reading(at: 6, [])).targets.first)
    #expect(!row.hasExited)
    #expect(row.residentBytes == 1 << 20)
  }

  @Test func `ten thousand processes that come and go leave no growth`() {
    var builder = SnapshotBuilder()
    var held: [Int] = []
    for step in 0..<400 {
      // Twenty-five at a time, each of them read twice.
      let running = (0..<50).map { ProcessIdentity(pid: Int32(step * 25 + $0), startTicks: 1) }
      let sites = running.flatMap { process in
        (0..<30).map { site(counters(allocated: UInt64(step) + 1), id: $0, in: process) }
      }
      var next = reading(at: Double(step), sites, targets: running.map { target($0) })
      next.mappings = running.map { site(counters(allocated: 1), in: $0) }
      _ = builder.fold(next)
      held.append(builder.heldCount)
    }
    #expect(held[399] == held[100])
    let left = builder.fold(reading(at: 400, [], targets: []))
    #expect(left.targets.count == 256)
    #expect(left.sites.count == 256 * 20)
  }

  @Test func `growth of anonymous memory is that of its readings`() throws {
    var builder = SnapshotBuilder()
    var snapshot: Snapshot?
    for step in 0...60 {
      var row = target()
      row.residentAnonymousBytes = UInt64(1 << 24 + step * 8192 + (step % 2) * 4096)
      snapshot = builder.fold(reading(at: Double(step) * 2, [], targets: [row]))
    }
    let growth = try #require(snapshot?.targets.first?.anonymousGrowth)
    #expect((growth.bytesPerSecond - 4096).magnitude < 100)
    #expect(growth.low > 0 && growth.low < 4096 && growth.high > 4096)
  }
}
