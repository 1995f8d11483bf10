import Processes
import TestSupport
import Testing

@testable import Executables

@Suite("Address space of a process")
struct AddressSpaceTests {
  @Test("a mapping over the middle of another leaves both sides, with their places in the file")
  func middle() {
    var space = AddressSpace()
    space.insert(file(1, 0x1000..<0x9000, offset: 0x20000), module: nil)
    space.insert(file(2, 0x3000..<0x4000, offset: 0x500), module: nil)
    #expect(space.place(0xfff) == nil)
    #expect(space.place(0x1000) == Place(inode: 1, offset: 0x20000))
    #expect(space.place(0x2fff) == Place(inode: 1, offset: 0x21fff))
    #expect(space.place(0x3000) == Place(inode: 2, offset: 0x500))
    #expect(space.place(0x3fff) == Place(inode: 2, offset: 0x14ff))
    #expect(space.place(0x4000) == Place(inode: 1, offset: 0x23000))
    #expect(space.place(0x8fff) == Place(inode: 1, offset: 0x27fff))
    #expect(space.place(0x9000) == nil)
    #expect(space.region(at: 0x2000)?.mapping.end == 0x3000)
    #expect(space.region(at: 0x5000)?.mapping.start == 0x4000)
  }

  @Test("a mapping over several others cuts the first and the last and replaces the rest")
  func several() {
    var space = AddressSpace()
    for index in 0..<4 as Range<UInt64> {
      space.insert(file(index + 1, index * 0x1000..<index * 0x1000 + 0x1000), module: nil)
    }
    space.insert(file(9, 0x800..<0x3800), module: nil)
    #expect(space.place(0x7ff) == Place(inode: 1, offset: 0x7ff))
    #expect(space.place(0x800) == Place(inode: 9, offset: 0))
    #expect(space.place(0x37ff) == Place(inode: 9, offset: 0x2fff))
    #expect(space.place(0x3800) == Place(inode: 4, offset: 0x800))
  }

  @Test("what is left of a module stays that module's")
  func module() {
    let module = Module(
      buildID: "ab", segments: LoadSegments([]), symbols: SymbolTableBuilder().build())
    var space = AddressSpace()
    space.insert(file(1, 0x1000..<0x4000), module: module)
    space.insert(file(2, 0x2000..<0x3000), module: nil)
    #expect(space.region(at: 0x1000)?.module === module)
    #expect(space.region(at: 0x2000)?.module == nil)
    #expect(space.region(at: 0x3fff)?.module === module)
  }

  @Test("the highest addresses can be mapped")
  func highest() {
    var space = AddressSpace()
    space.insert(file(1, 0xffff_ffff_ffff_0000..<UInt64.max), module: nil)
    space.insert(file(2, 0xffff_ffff_ffff_f000..<UInt64.max), module: nil)
    #expect(space.place(.max - 1) == Place(inode: 2, offset: 0xffe))
    #expect(space.place(0xffff_ffff_ffff_efff) == Place(inode: 1, offset: 0xefff))
  }

  @Test("after any insertions each address has the latest mapping over it", arguments: 1...30)
  func property(seed: UInt64) {
    var generator = SeededGenerator(seed: seed)
    var space = AddressSpace()
    var places = [Place?](repeating: nil, count: 128)
    for inode in 1...60 as ClosedRange<UInt64> {
      let start = Int.random(in: 0..<127, using: &generator)
      let end = Int.random(in: start + 1...min(128, start + 50), using: &generator)
      let offset = UInt64.random(in: 0..<1 << 40, using: &generator)
      space.insert(file(inode, UInt64(start)..<UInt64(end), offset: offset), module: nil)
      for address in start..<end {
        places[address] = Place(inode: inode, offset: offset + UInt64(address - start))
      }
      #expect((0..<128).map { space.place($0) } == places)
    }
  }
}

/// What an address is a byte of.
private struct Place: Equatable {
  var inode: UInt64
  var offset: UInt64
}

extension AddressSpace {
  fileprivate func place(_ address: UInt64) -> Place? {
    region(at: address).map {
      Place(inode: $0.mapping.inode, offset: $0.fileOffset(of: address))
    }
  }
}

private func file(_ inode: UInt64, _ range: Range<UInt64>, offset: UInt64 = 0) -> MemoryMapping {
  MemoryMapping(
    start: range.lowerBound, end: range.upperBound, permissions: [.read, .execute],
    fileOffset: offset, deviceMajor: 8, inode: inode, path: "/lib/\(inode).so")
}
