import ProbeABI
import Testing

@testable import AllocationProbes

@Suite struct ProbedFunctionTests {
  @Test func `each name is there once`() {
    #expect(Set(ProbedFunction.all.map(\.name)).count == ProbedFunction.all.count)
  }

  @Test func `only freeing and jumping have no return worth seeing`() {
    let withoutReturn = [CALL_FREE.rawValue, CALL_LONGJMP.rawValue]
    for function in ProbedFunction.all {
      #expect(function.hasReturn != withoutReturn.contains(function.kind), "\(function.name)")
    }
  }

  @Test func `each kind of call has a function, and no function another kind`() {
    #expect(
      Set(ProbedFunction.all.map(\.kind)) == Set(CALL_MALLOC.rawValue...CALL_LONGJMP.rawValue))
  }

  @Test func `what makes a file an allocator is probed`() {
    #expect(ProbedFunction.essential.isSubset(of: ProbedFunction.all.map(\.name)))
  }
}
