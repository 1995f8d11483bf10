import Processes
import Testing

@testable import Inspection

@Suite struct JoinedMappingsTests {
  private static func mapping(
    _ range: Range<UInt64>, _ permissions: MemoryMapping.Permissions = [.read, .write],
    inode: UInt64 = 0, path: String? = nil
  ) -> MemoryMapping {
    MemoryMapping(
      start: range.lowerBound, end: range.upperBound, permissions: permissions, inode: inode,
      path: path)
  }

  @Test func `a heap that is listed in parts is one`() {
    let parts = [0x1000..<0x3000, 0x3000..<0x8000, 0x8000..<0x9000] as [Range<UInt64>]
    for path in [nil, "[heap]"] {
      let joined = parts.map { Self.mapping($0, path: path) }.joined
      #expect(joined.map(\.start) == [0x1000])
      #expect(joined.map(\.end) == [0x9000])
    }
  }

  @Test func `what is apart, protected otherwise, named or a file stays so`() {
    let mappings = [
      Self.mapping(0x1000..<0x2000), Self.mapping(0x3000..<0x4000),
      Self.mapping(0x4000..<0x5000, [.read]), Self.mapping(0x5000..<0x6000, [.read]),
      Self.mapping(0x6000..<0x7000, path: "[heap]"), Self.mapping(0x7000..<0x8000),
      Self.mapping(0x8000..<0x9000, inode: 7), Self.mapping(0x9000..<0xA000, inode: 7),
      Self.mapping(0xA000..<0xB000, path: "[stack]"),
      Self.mapping(0xB000..<0xC000, [.read, .write, .shared]),
    ]
    #expect(mappings.joined == mappings)
  }
}
