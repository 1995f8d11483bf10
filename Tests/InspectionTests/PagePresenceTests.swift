import Glibc
import Processes
import Testing

@testable import Inspection

@Suite struct PagePresenceTests {
  @Test func `pages that follow each other are one run`() {
    var presence = PagePresence()
    for (page, entry) in [
      (0x1000, 1 << 63), (0x2000, 1 << 63), (0x3000, 1 << 62), (0x5000, 1 << 63),
    ] as [(UInt64, UInt64)] {
      presence.append(page: page, entry: entry)
    }
    #expect(presence.written == [0x1000..<0x4000, 0x5000..<0x6000])
    #expect(presence.resident == [0x1000..<0x3000, 0x5000..<0x6000])
  }

  @Test func `a guard page has no contents`() {
    var presence = PagePresence()
    presence.append(page: 0x1000, entry: 1 << 62 | 1 << 58)
    #expect(presence.written == [])
  }

  /// 64 pages of this process, of which every third was written and the one behind it read.
  private static func withPages(_ body: (Range<UInt64>) throws -> Void) throws {
    let size = 64 * 4096
    let memory = try #require(
      mmap(nil, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0))
    defer { munmap(memory, size) }
    madvise(memory, size, MADV_NOHUGEPAGE)
    for page in stride(from: 0, to: 60, by: 3) {
      memory.storeBytes(of: 1, toByteOffset: page * 4096, as: UInt8.self)
      #expect(memory.load(fromByteOffset: (page + 1) * 4096, as: UInt8.self) == 0)
    }
    let start = UInt64(UInt(bitPattern: memory))
    try body(start..<start + UInt64(size))
  }

  @Test func `only pages that were written are found`() throws {
    try Self.withPages { range in
      let file = try PageMapFile(pid: getpid())
      guard try file.runs(from: range.lowerBound, to: range.upperBound) != nil else {
        // Before Linux 6.7 pages that were only read look the same.
        return
      }
      let presence = try #require(
        try PagePresence(of: range, in: file, until: .now + .seconds(60)))
      let written = stride(from: 0, to: 60, by: 3).map { page in
        let start = range.lowerBound + UInt64(page) * 4096
        return start..<start + 4096
      }
      #expect(presence.written == written)
      #expect(presence.resident == written)
    }
  }

  @Test func `entries tell the same, but for pages that were only read`() throws {
    try Self.withPages { range in
      let file = try PageMapFile(pid: getpid())
      let presence = try #require(
        try PagePresence(entriesOf: range, in: file, until: .now + .seconds(60)))
      let touched = stride(from: 0, to: 60, by: 3).map { page in
        let start = range.lowerBound + UInt64(page) * 4096
        return start..<start + 8192
      }
      #expect(presence.written == touched)
    }
  }

  @Test func `a reservation of terabytes costs next to nothing`() throws {
    let size = 1 << 42
    let reservation = mmap(
      nil, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0)
    let memory = try #require(reservation == MAP_FAILED ? nil : reservation)
    defer { munmap(memory, size) }
    memory.storeBytes(of: 1, toByteOffset: size / 2, as: UInt8.self)
    let start = UInt64(UInt(bitPattern: memory))
    let file = try PageMapFile(pid: getpid())
    guard try file.runs(from: start, to: start + 4096) != nil else { return }
    // By entries it would take a minute.
    let presence = try #require(
      try PagePresence(of: start..<start + UInt64(size), in: file, until: .now + .seconds(5)))
    #expect(presence.written.count == 1)
    #expect(presence.written.first?.contains(start + UInt64(size / 2)) == true)
  }
}
