import Foundation
import Processes
import TestSupport
import Testing

/// Records as `perf_event_open(2)` draws them, byte by byte.
@Suite("Records of executable mappings")
struct MappingRecordTests {
  @Test("a mapping of a file has all fields")
  func file() {
    #expect(
      content(mapping())
        == .mapping(
          MappingRecord(
            pid: 1234, time: 0x1122_3344_5566,
            mapping: MemoryMapping(
              start: 0x7f00_0000_1000, end: 0x7f00_0000_4000, permissions: [.read, .execute],
              fileOffset: 0x28000, deviceMajor: 8, deviceMinor: 17, inode: 1837,
              path: "/usr/lib/libc.so.6"))))
  }

  @Test(
    "the kernel's names for what is no file",
    arguments: [("//anon", nil), ("", nil), ("[vdso]", "[vdso]"), ("//toolong", "//toolong")])
  func names(name: String, path: String?) {
    guard case .mapping(let record) = content(mapping(name: name, inode: 0)) else {
      Issue.record("not a mapping")
      return
    }
    #expect(record.mapping.path == path)
    #expect(!record.mapping.isFile)
  }

  @Test(
    "protections are those of mmap(2), always executable",
    arguments: [
      (4, MemoryMapping.Permissions.execute), (5, [.read, .execute]),
      (7, [.read, .write, .execute]), (6, [.write, .execute]),
    ] as [(UInt32, MemoryMapping.Permissions)])
  func protections(bits: UInt32, permissions: MemoryMapping.Permissions) {
    guard case .mapping(let record) = content(mapping(protection: bits)) else {
      Issue.record("not a mapping")
      return
    }
    #expect(record.mapping.permissions == permissions)
  }

  @Test("a name that fills its field to the last byte is whole")
  func withoutNUL() {
    var record = mapping(name: "/abcdef")
    record[record.count - 9] = UInt8(ascii: "g")
    guard case .mapping(let found) = content(record) else {
      Issue.record("not a mapping")
      return
    }
    #expect(found.mapping.path == "/abcdefg")
    #expect(found.time == 0x1122_3344_5566)
  }

  @Test("bytes that are no UTF-8 are replaced")
  func invalidName() {
    var record = mapping(name: "/abcdef")
    record[73] = 0xff
    guard case .mapping(let found) = content(record) else {
      Issue.record("not a mapping")
      return
    }
    #expect(found.mapping.path == "/\u{fffd}bcdef")
  }

  @Test("lost records are counted")
  func lost() {
    let record = header(2, byteCount: 32) + bytes(UInt64(3)) + bytes(UInt64(41)) + bytes(UInt64(9))
    #expect(content(record) == .lost(41))
  }

  @Test("records of other types say nothing", arguments: [0, 1, 3, 9, 11, UInt32.max])
  func otherTypes(type: UInt32) {
    #expect(content(header(type, byteCount: 120) + [UInt8](repeating: 1, count: 112)) == nil)
  }

  @Test("a mapping with a build id in place of its inode is refused")
  func buildID() {
    var record = mapping()
    record[5] |= 1 << 6
    #expect(content(record) == nil)
  }

  @Test(
    "a range that is empty or leaves the address space is refused",
    arguments: [(0x1000, 0), (.max, 1), (.max, .max), (1, .max)] as [(UInt64, UInt64)])
  func impossibleRanges(start: UInt64, length: UInt64) {
    #expect(content(mapping(start: start, length: length)) == nil)
  }

  @Test("a record too short for a name and its time is refused")
  func short() {
    let record = mapping(name: "/abcdef")
    for count in 0...80 { #expect(content(Array(record.prefix(count))) == nil, "\(count) bytes") }
    #expect(content(Array(record.prefix(81))) != nil)
    let lost = header(2, byteCount: 24) + [UInt8](repeating: 0, count: 15)
    #expect(content(lost) == nil)
  }

  @Test("random bytes never trap")
  func random() {
    var generator = SeededGenerator(seed: 5)
    var understood = 0
    for round in 0..<20_000 {
      var record = (0..<Int.random(in: 0...120, using: &generator)).map { _ in
        UInt8.random(in: 0...255, using: &generator)
      }
      if round % 4 != 0, record.count >= 8 {
        let type: UInt8 = Bool.random(using: &generator) ? 10 : 2
        record.replaceSubrange(0..<8, with: [type, 0, 0, 0, 0, 0, 0, 0])
      }
      if content(record) != nil { understood += 1 }
    }
    #expect(understood > 5000)
  }
}

@Suite("Recording executable mappings")
struct MappingRecorderTests {
  static let isPermitted = (try? MappingRecorder()) != nil

  @Test(
    "the code that a child maps is recorded, in the order in which it did",
    .enabled(if: isPermitted, "recording all processes takes root, or CAP_PERFMON"))
  func child() throws {
    let recorder = try MappingRecorder()
    let directory = ProcessDirectory(pid: getpid())
    let start = nanosecondsNow()
    let child = Process()
    child.executableURL = URL(filePath: "/bin/true")
    try child.run()
    child.waitUntilExit()
    let end = nanosecondsNow()

    let records = recorder.take().filter { $0.pid == child.processIdentifier }
    let names = records.compactMap { $0.mapping.path?.split(separator: "/").last.map(String.init) }
    let program = try #require(names.firstIndex { $0 == "true" || $0 == "coreutils" })
    let libc = try #require(names.firstIndex { $0.hasPrefix("libc.so") })
    #expect(program < libc)
    #expect(records.allSatisfy { start...end ~= $0.time })
    #expect(records.map(\.time) == records.map(\.time).sorted())
    #expect(records.allSatisfy { $0.mapping.permissions.contains(.execute) })
    #expect(recorder.lostCount == 0)

    // The same file as this process has mapped.
    let own = try #require(
      try directory.mappings().mappings.first {
        $0.permissions.contains(.execute) && $0.path?.contains("/libc.so") == true
      })
    let recorded = records[libc].mapping
    #expect(recorded.inode == own.inode)
    #expect(recorded.deviceMajor == own.deviceMajor)
    #expect(recorded.deviceMinor == own.deviceMinor)
    #expect(recorded.fileOffset == own.fileOffset)
    #expect(recorded.byteCount == own.byteCount)
  }

  @Test(
    "what was taken is not handed over again",
    .enabled(if: isPermitted, "recording all processes takes root, or CAP_PERFMON"))
  func taken() throws {
    let recorder = try MappingRecorder()
    let child = Process()
    child.executableURL = URL(filePath: "/bin/true")
    try child.run()
    child.waitUntilExit()
    #expect(recorder.take().contains { $0.pid == child.processIdentifier })
    #expect(!recorder.take().contains { $0.pid == child.processIdentifier })
  }

  private func nanosecondsNow() -> UInt64 {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
  }
}

// MARK: - Records

private func content(_ record: [UInt8]) -> MappingRecord.Content? {
  MappingRecord.content(of: record.span.bytes)
}

private func header(_ type: UInt32, byteCount: Int) -> [UInt8] {
  bytes(type) + bytes(UInt16(2)) + bytes(UInt16(byteCount))
}

/// A name takes up whole words, with one NUL at least.
private func mapping(
  start: UInt64 = 0x7f00_0000_1000, length: UInt64 = 0x3000, protection: UInt32 = 5,
  name: String = "/usr/lib/libc.so.6", inode: UInt64 = 1837
) -> [UInt8] {
  var nameBytes = Array(name.utf8) + [0]
  nameBytes += [UInt8](repeating: 0, count: (8 - nameBytes.count % 8) % 8)
  var record = header(10, byteCount: 80 + nameBytes.count)
  record += bytes(Int32(1234)) + bytes(Int32(1235))
  record += [start, length, 0x28000].flatMap { bytes($0) }
  record += [8, 17].flatMap { bytes(UInt32($0)) } + bytes(inode) + bytes(UInt64(77))
  record += bytes(protection) + bytes(UInt32(2))
  return record + nameBytes + bytes(0x1122_3344_5566 as UInt64)
}

private func bytes<T: BitwiseCopyable>(_ value: T) -> [UInt8] {
  withUnsafeBytes(of: value) { Array($0) }
}
