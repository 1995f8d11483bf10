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
}
