import Processes
import TestSupport
import Testing

@testable import Executables

/// The rules of probe points, checked on the machine's own libc without knowing which one it is.
@Suite("Probe points in libc")
struct LibcProbePointTests {
  static let names = [
    "malloc", "free", "calloc", "realloc", "reallocarray", "posix_memalign", "aligned_alloc",
    "memalign", "valloc", "pvalloc", "mmap", "munmap", "mremap", "sbrk", "brk",
  ]

  @Test("every allocator function has a point that obeys the rules", arguments: names)
  func rules(name: String) throws {
    guard let (code, point) = try select(name) else { return }
    let before = try instructions(of: code, upTo: point.offset)
    #expect(before.allSatisfy { $0.flow == .next })
    #expect(before.allSatisfy { $0.writtenRegisters.isDisjoint(with: .arguments) })
    #expect(before.allSatisfy { !$0.writtenRegisters.contains(.rsp) })
    #expect(point.instructionClass != .longNop)
    #expect((point.execution == .emulated) == (point.obstacle == nil))
    #expect(point.entryBytes == Array(code.prefix(16)))
    // Nothing that could have been taken was passed by.
    let passed = before.filter { EmulationProfile.documented.emulates($0.instructionClass) }
    #expect(passed.isEmpty)
    if let obstacle = point.obstacle { try expect(obstacle, in: code) }
  }

  @Test("malloc and free are probed where it is cheap")
  func mallocAndFree() throws {
    for name in ["malloc", "free", "calloc", "realloc"] {
      let (_, point) = try required(select(name))
      #expect(point.execution == .emulated, "\(name): \(point)")
    }
  }

  @Test("a stricter kernel moves points on or to the entry, never elsewhere", arguments: names)
  func fewerClasses(name: String) throws {
    guard let (function, code) = try function(name) else { return }
    for removed in InstructionClass.allCases {
      var profile = EmulationProfile.documented
      profile.emulated.remove(removed)
      let point = try ProbePointSelector.select(
        code: code,
        entry: function.address,
        profile: profile
      )
      #expect(point.instructionClass != removed || point.execution == .singleStepped)
      if point.execution == .singleStepped {
        let first = try #require(Instruction(code: code, at: 0))
        #expect(point.offset == 0 || first.instructionClass == .longNop)
      }
    }
  }

  /// The obstacle is really where it is said to be.
  private func expect(_ obstacle: ProbePoint.Obstacle, in code: [UInt8]) throws {
    switch obstacle {
    case .argumentRegisterWritten(let offset):
      let writes = try #require(Instruction(code: code, at: offset)).writtenRegisters
      #expect(!writes.isDisjoint(with: .arguments))
    case .stackPointerChanged(let offset):
      #expect(try #require(Instruction(code: code, at: offset)).writtenRegisters.contains(.rsp))
    case .call(let offset):
      #expect(try #require(Instruction(code: code, at: offset)).flow == .call)
    case .systemCall(let offset):
      #expect(try #require(Instruction(code: code, at: offset)).flow == .systemCall)
    case .branchNotEmulated(let offset):
      #expect(try #require(Instruction(code: code, at: offset)).flow == .directBranch)
    default: break
    }
  }

  private func select(_ name: String) throws -> (code: [UInt8], point: ProbePoint)? {
    guard let (function, code) = try function(name) else { return nil }
    let point = try ProbePointSelector.select(
      code: code,
      entry: function.address,
      profile: .documented
    )
    #expect(point.address == function.address + UInt64(point.offset))
    return (code, point)
  }

  /// nil where this libc has no such function.
  private func function(_ name: String) throws -> (symbol: FunctionSymbol, code: [UInt8])? {
    let mapping = try #require(try mappedLibc())
    let file = try ELFFile(opening: try #require(mapping.path))
    guard let function = file.functionSymbol(named: name) else { return nil }
    return (function, try file.code(of: function))
  }

  private func instructions(of code: [UInt8], upTo end: Int) throws -> [Instruction] {
    var found: [Instruction] = []
    var offset = 0
    while offset < end {
      let instruction = try #require(Instruction(code: code, at: offset))
      found.append(instruction)
      offset = instruction.end
    }
    #expect(offset == end, "the point is not at the start of an instruction")
    return found
  }
}
