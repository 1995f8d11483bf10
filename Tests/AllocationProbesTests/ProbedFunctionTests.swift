import ProbeABI
import Testing

@testable import AllocationProbes

@Suite struct ProbedFunctionTests {
  private let all = AllocatorFamily.all

  @Test func `each name is there once`() {
    #expect(Set(all.map(\.name)).count == all.count)
  }

  @Test func `only freeing and jumping have no return worth seeing`() {
    let withoutReturn = [CALL_FREE.rawValue, CALL_LONGJMP.rawValue]
    for function in all {
      #expect(
        (function.return == .ignored) == withoutReturn.contains(function.kind), "\(function.name)")
    }
  }

  @Test func `what may throw returns by instructions: operator new, but not its nothrow form`() {
    let throwing = all.filter { $0.return == .byInstruction }.map(\.name)
    #expect(throwing.contains("_Znwm") && throwing.contains("_ZnamSt11align_val_t"))
    #expect(throwing.contains("tc_new") && throwing.contains("mi_heap_alloc_new"))
    #expect(!throwing.contains { $0.contains("nothrow") || $0.hasSuffix("malloc") })
  }

  @Test func `each kind of call has a function, and no function another kind`() {
    let ofAllocators =
      Set(CALL_MALLOC.rawValue...CALL_LONGJMP.rawValue)
      .union([CALL_RESIZE.rawValue, CALL_STRING.rawValue])
    #expect(Set(all.map(\.kind)) == ofAllocators)
  }

  @Test func `a cookie holds the kind and the traits`() throws {
    let function = try #require(all.first { $0.name == "mi_heap_reallocf" })
    #expect(function.cookie == UInt64(CALL_REALLOC.rawValue) | 1 << 8 | 1 << 9)
    let new = try #require(all.first { $0.name == "_Znwm" })
    #expect(new.cookie == UInt64(CALL_MALLOC.rawValue) | 1 << 10)
  }

  @Test func `a heap in front counts as an argument`() throws {
    let plain = try #require(all.first { $0.name == "mi_calloc" })
    let onHeap = try #require(all.first { $0.name == "mi_heap_calloc" })
    #expect(plain.argumentCount == 2)
    #expect(onHeap.argumentCount == 3)
  }

  @Test func `what makes a file an allocator is probed`() {
    for family in AllocatorFamily.families {
      let names = Set(family.functions.map(\.name))
      #expect(family.essential.allSatisfy { $0.isSubset(of: names) }, "\(family.name)")
    }
  }
}
