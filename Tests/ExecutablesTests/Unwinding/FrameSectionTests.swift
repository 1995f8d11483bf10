import Executables
import Foundation
import Processes
import TestSupport
import Testing

@Suite("Call frame sections")
struct FrameSectionTests {
  static let encodings: [UInt8] = [
    0x00, 0x01, 0x02, 0x03, 0x04, 0x08, 0x09, 0x0a, 0x0b, 0x0c, 0x1a, 0x1b, 0x1c,
  ]

  @Test("addresses are read in every encoding that needs no running process", arguments: encodings)
  func encoding(_ encoding: UInt8) throws {
    var frames = CallFrameBuilder()
    frames.address = 0x2000
    frames.addCommon(encoding: encoding)
    frames.addFunction(at: 0x1010, count: 32)
    #expect(
      try table(of: elf(frames)).rules(at: [15, 16, 47, 48]) == [.none, rsp(8), rsp(8), .none])
  }

  @Test(
    "indirect, aligned and data-relative addresses are not guessed",
    arguments: [0x80, 0x9b, 0x50, 0x30, 0x20, 0x40, 0x05, 0xff] as [UInt8]
  )
  func refusedEncoding(_ encoding: UInt8) throws {
    var frames = CallFrameBuilder()
    frames.addCommon(encoding: encoding)
    frames.addFunction(at: 0x1010, count: 32)
    #expect(try table(of: elf(frames)).isEmpty)
  }

  @Test("versions 1, 3 and 4 are read, 4 only in .debug_frame")
  func versions() throws {
    for (version, isDebugging, isRead) in [
      (1, false, true), (3, false, true), (4, false, false), (2, false, false),
      (1, true, true), (3, true, true), (4, true, true), (5, true, false),
    ] as [(UInt8, Bool, Bool)] {
      var frames = CallFrameBuilder()
      frames.isDebugging = isDebugging
      frames.addCommon(version: version, augmentation: isDebugging ? "" : "zR")
      frames.addFunction(at: 0x1000, count: 32)
      #expect(try table(of: elf(frames)).isEmpty == !isRead, "version \(version)")
    }
  }

  @Test("augmentation letters and their data are passed over in their order")
  func augmentations() throws {
    for (augmentation, data) in [
      ("zPLR", [0x9b, 1, 2, 3, 4, 0x1b, 0x1b]), ("zLR", [0x1b, 0x1b]), ("zRB", [0x1b]),
      ("zPR", [0x00, 1, 2, 3, 4, 5, 6, 7, 8, 0x1b]), ("zPR", [0xff, 0x1b]),
    ] as [(String, [UInt8])] {
      var frames = CallFrameBuilder()
      frames.addCommon(augmentation: augmentation, data: data)
      frames.addFunction(at: 0x1000, count: 32)
      #expect(try table(of: elf(frames)).rule(at: 0x1000) == rsp(8), "\(augmentation)")
    }
    for augmentation in ["zX", "eh", "R"] {
      var frames = CallFrameBuilder()
      frames.addCommon(augmentation: augmentation)
      frames.addFunction(at: 0x1000, count: 32)
      #expect(try table(of: elf(frames)).isEmpty, "\(augmentation)")
    }
  }

  @Test("frames of a machine with another return address column are left out")
  func returnAddressColumn() throws {
    var frames = CallFrameBuilder()
    frames.addCommon(returnAddress: 8)
    frames.addFunction(at: 0x1000, count: 32)
    #expect(try table(of: elf(frames)).isEmpty)
  }

  @Test("lengths of 64 bits are read", arguments: [true, false])
  func long(isDebugging: Bool) throws {
    var frames = CallFrameBuilder()
    frames.isLong = true
    frames.isDebugging = isDebugging
    frames.addCommon(augmentation: isDebugging ? "" : "zR")
    frames.addFunction(at: 0x1000, count: 32)
    #expect(try table(of: elf(frames)).rules(at: [0, 31, 32]) == [rsp(8), rsp(8), .none])
  }

  @Test("what follows a terminator is read")
  func terminator() throws {
    var frames = CallFrameBuilder()
    frames.addTerminator()
    let common = frames.addCommon()
    frames.addFunction(at: 0x1000, count: 32, of: common)
    frames.addTerminator()
    frames.addFunction(at: 0x1020, count: 32, of: common)
    #expect(try table(of: elf(frames)).rules(at: [0, 63, 64]) == [rsp(8), rsp(8), .none])
  }

  @Test("without sections .eh_frame is found by its segment")
  func stripped() throws {
    var frames = CallFrameBuilder()
    frames.addCommon()
    frames.addFunction(at: 0x1000, count: 32)
    var builder = elf(frames)
    builder.hasSections = false
    #expect(try table(of: builder).isEmpty)
    builder.hasFrameHeader = true
    #expect(try table(of: builder).rules(at: [0, 31, 32]) == [rsp(8), rsp(8), .none])
  }

  @Test(".debug_frame fills what .eh_frame leaves, and does not replace it")
  func both() throws {
    var exceptions = CallFrameBuilder()
    exceptions.addCommon()
    exceptions.addFunction(at: 0x1020, count: 32, [0x0e, 16])
    var debugging = CallFrameBuilder()
    debugging.isDebugging = true
    debugging.addCommon(augmentation: "")
    debugging.addFunction(at: 0x1000, count: 32, [0x0e, 32])
    debugging.addFunction(at: 0x1020, count: 32, [0x0e, 48])
    var builder = elf(exceptions)
    builder.debugFrames = debugging.bytes
    #expect(try table(of: builder).rules(at: [0, 32, 64]) == [rsp(32), rsp(16), .none])
  }

  @Test("a compressed .debug_frame is read, and one that claims too much is not")
  func compressed() throws {
    var frames = CallFrameBuilder()
    frames.isDebugging = true
    frames.addCommon(augmentation: "")
    frames.addFunction(at: 0x1000, count: 32)
    let stored = zlibStored(frames.bytes)
    var builder = elf(frames)
    for (claimed, isRead) in [(UInt64(frames.bytes.count), true), (1 << 40, false)] {
      let size = (0..<8).map { UInt8(truncatingIfNeeded: claimed >> UInt64(8 * $0)) }
      // Elf64_Chdr: ELFCOMPRESS_ZLIB, reserved, size, alignment.
      builder.debugFrames = [1, 0, 0, 0, 0, 0, 0, 0] + size + [1, 0, 0, 0, 0, 0, 0, 0] + stored
      builder.debugFramesName = ".debug_frame"
      builder.debugFramesFlags = 0x800
      #expect(try table(of: builder).isEmpty == !isRead)
      builder.debugFrames = Array("ZLIB".utf8) + size.reversed() + stored
      builder.debugFramesName = ".zdebug_frame"
      builder.debugFramesFlags = 0
      #expect(try table(of: builder).isEmpty == !isRead)
    }
  }

  @Test("functions outside the code, or ending outside it, are cut to it")
  func outside() throws {
    var frames = CallFrameBuilder()
    frames.addCommon(encoding: 0x00)
    frames.addFunction(at: 0xf00, count: 0x200)
    frames.addFunction(at: 0x1f00, count: .max)
    frames.addFunction(at: 0x9000, count: 16)
    frames.addFunction(at: 0x1100, count: 0)
    let table = try table(of: elf(frames))
    #expect(
      table.rules(at: [0, 0x100, 0xeff, 0xf00, 0xfff]) == [.none, .none, .none, rsp(8), rsp(8)])
    #expect(table.rules(at: [0x1000, 0x8000]) == [.none, .none])
  }

  @Test("the code that the kernel maps into every process has rules")
  func vdso() throws {
    let table = UnwindTable.ofVDSO()
    #expect(table.rowCount > 0)
    #expect(table.textStart == 0)
    let time = try #require(dlsym(dlopen("linux-vdso.so.1", RTLD_NOW), "__vdso_clock_gettime"))
    let mappings = try ProcessDirectory(pid: getpid()).mappings().mappings
    let start = try #require(mappings.first { $0.path == "[vdso]" }).start
    #expect(table.rule(at: UInt64(UInt(bitPattern: time)) - start) == rsp(8))
  }

  @Test("what is no x86-64 executable has no rules")
  func otherMachines() throws {
    var frames = CallFrameBuilder()
    frames.addCommon()
    frames.addFunction(at: 0x1000, count: 32)
    var builder = elf(frames)
    builder.machine = 183
    #expect(try table(of: builder).isEmpty)
    builder.machine = 62
    builder.is64Bit = false
    #expect(try table(of: builder).isEmpty)
  }
}

/// A zlib stream that stores its bytes as they are (RFC 1950, RFC 1951 3.2.4).
private func zlibStored(_ bytes: [UInt8]) -> [UInt8] {
  let count = UInt16(bytes.count)
  var sums: (UInt32, UInt32) = (1, 0)
  for byte in bytes {
    sums.0 = (sums.0 + UInt32(byte)) % 65521
    sums.1 = (sums.1 + sums.0) % 65521
  }
  let lengths = [count, ~count].flatMap { [UInt8(truncatingIfNeeded: $0), UInt8($0 >> 8)] }
  let checksum = [sums.1, sums.0].flatMap { [UInt8($0 >> 8), UInt8(truncatingIfNeeded: $0)] }
  return [0x78, 0x01, 0x01] + lengths + bytes + checksum
}
