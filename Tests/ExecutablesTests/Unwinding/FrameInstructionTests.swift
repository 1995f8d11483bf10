import Executables
import TestSupport
import Testing

@Suite("Call frame instructions")
struct FrameInstructionTests {
  @Test("the location moves by each of the advancing instructions")
  func advancing() throws {
    // advance_loc 4; advance_loc1 6; advance_loc2 256; advance_loc4 1; MIPS_advance_loc8 16
    let table = try table(
      [
        0x44, 0x0e, 16, 0x02, 6, 0x0e, 32, 0x03, 0, 1, 0x0e, 48, 0x04, 1, 0, 0, 0, 0x0e, 64,
        0x1d, 16, 0, 0, 0, 0, 0, 0, 0, 0x0e, 80,
      ],
      count: 0x200
    )
    #expect(
      table.rules(at: [3, 4, 9, 10, 265, 266, 267, 282, 283, 511])
        == [8, 16, 16, 32, 32, 48, 64, 64, 80, 80].map { rsp($0) }
    )
    #expect(table.rule(at: 0x1200) == .none)
  }

  @Test("distances are multiples of the code alignment")
  func codeAlignment() throws {
    var frames = CallFrameBuilder()
    frames.addCommon(codeAlignment: 4)
    frames.addFunction(at: 0x1000, count: 64, [0x42, 0x0e, 16])
    #expect(try table(of: elf(frames)).rules(at: [7, 8]) == [rsp(8), rsp(16)])
  }

  @Test("set_loc goes to an address, but not back")
  func setLocation() throws {
    var frames = CallFrameBuilder()
    frames.addCommon(augmentation: "")
    let forward: [UInt8] = [0x01, 0x20, 0x10, 0, 0, 0, 0, 0, 0, 0x0e, 16]
    let back: [UInt8] = [0x01, 0x08, 0x10, 0, 0, 0, 0, 0, 0, 0x0e, 24]
    frames.addFunction(at: 0x1000, count: 64, forward + back, hasAugmentationData: false)
    let table = try table(of: elf(frames))
    #expect(table.rules(at: [0x1f, 0x20, 0x3f]) == [rsp(8), .unsupported, .unsupported])
  }

  @Test("states are remembered and restored, the CFA with them, one in the other")
  func states() throws {
    let table = try table([
      0x41, 0x0e, 16, 0x86, 2, 0x44, 0x0a, 0x0e, 32, 0x44, 0x0a, 0x0c, 6, 16, 0x44, 0x0b, 0x44,
      0x0b, 0xc6,
    ])
    #expect(
      table.rules(at: [0, 1, 5, 9, 13, 17])
        == [
          rsp(8), rsp(16, rbp: -2), rsp(32, rbp: -2),
          UnwindRule(.rbp, offset: 16, saved: .init(rbp: -2)), rsp(32, rbp: -2), rsp(16),
        ]
    )
  }

  @Test("restoring goes back to what holds at the first instruction of each function")
  func restoring() throws {
    let initially = CallFrameBuilder.atEntry + [0x86, 3]
    let table = try table([0x86, 4, 0x44, 0xc6], initially: initially)
    #expect(table.rules(at: [0, 4]) == [rsp(8, rbp: -4), rsp(8, rbp: -3)])
  }

  @Test("what can't be understood costs the rest of its function, not the next one")
  func unknown() throws {
    var frames = CallFrameBuilder()
    frames.addCommon()
    frames.addFunction(at: 0x1000, count: 32, [0x44, 0x0e, 16, 0x44, 0x3f])
    frames.addFunction(at: 0x1020, count: 32)
    let table = try table(of: elf(frames))
    #expect(
      table.rules(at: [3, 4, 7, 8, 31, 32])
        == [rsp(8), rsp(16), rsp(16), .unsupported, .unsupported, rsp(8)]
    )
  }

  @Test("damage in what functions have in common costs these functions")
  func damagedCommon() throws {
    for instructions: [UInt8] in [[0x3f], [0x44], [0x0a, 0x0b, 0x0b]] {
      let table = try table([], initially: instructions)
      #expect(table.rule(at: 0x1000) == .unsupported)
      #expect(table.rule(at: 0x1040) == .none)
    }
  }

  @Test("instructions behind a function's end are not carried out")
  func behindTheEnd() throws {
    let table = try table(
      [0x42, 0x0e, 16, 0x7f, 0x0e, 32, 0x1d] + Array(repeating: 0xff, count: 8))
    #expect(table.rules(at: [1, 2, 63, 64]) == [rsp(8), rsp(16), rsp(16), .none])
  }

  @Test("states are not remembered without end")
  func nesting() throws {
    let deep = try table([0x41] + Array(repeating: 0x0a, count: 256) + [0x0e, 16, 0x41])
    #expect(deep.rule(at: 0x1001) == rsp(16))
    let tooDeep = try table([0x41] + Array(repeating: 0x0a, count: 257) + [0x0e, 16, 0x41])
    #expect(tooDeep.rule(at: 0x1001) == .unsupported)
  }
}
