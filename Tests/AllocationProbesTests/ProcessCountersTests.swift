import AllocationModel
import ProbeABI
import Testing

@testable import AllocationProbes

@Suite struct ProcessCountersTests {
  @Test func `every reason of the programs has one of the model, and the other way round`() {
    let reasons = ProcessCounters.reasons
    #expect(reasons.map(\.1).sorted() == Array(0..<LOSS_REASONS.rawValue))
    // What is said of mappings is counted by user space, which keeps them, and so are records that it can't decode.
    let own: Set<LossReason> = [.mappingLimit, .unreadableEvent]
    #expect(reasons.count == LossReason.allCases.count - own.count)
    #expect(Set(reasons.map(\.0)) == Set(LossReason.allCases).subtracting(own))
  }

  @Test func `there is room for every reason in a record`() {
    #expect(LOSS_REASONS.rawValue <= UInt32(LOSS_SLOTS))
  }

  @Test(arguments: ProcessCounters.reasons.map(\.1))
  func `a loss is reported under its own reason`(index: UInt32) {
    var record = process_record()
    withUnsafeMutableBytes(of: &record.lost) {
      $0.storeBytes(of: 5, toByteOffset: 8 * Int(index), as: UInt64.self)
    }
    let expected = ProcessCounters.reasons.first { $0.1 == index }?.0
    #expect(ProcessCounters(record).lost.byReason == expected.map { [$0: 5] })
  }

  @Test func `counters are taken over as they are`() {
    var record = process_record()
    record.unknown_frees = 1
    record.inherited_frees = 2
    record.failed_calls = .max
    record.children = 4
    let counters = ProcessCounters(record)
    #expect(counters.unknownFrees == 1)
    #expect(counters.inheritedFrees == 2)
    #expect(counters.failedCalls == .max)
    #expect(counters.children == 4)
    #expect(counters.lost.total == 0)
  }
}
