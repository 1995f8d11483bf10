import AllocationProbes
import Executables
import Monitoring
import Testing

/// By how much events are taken to delay threads.
@Suite struct EventCostsTests {
  private let slot = ProcessSlot(rawValue: 1)
  private let profile = EmulationProfile(
    emulated: [.push], nanosecondsByClass: [.push: 1000, .other: 9900])

  private func counts(_ allocations: Int, stepped: Int = 0, frees: Int) -> CallCounts {
    func event(_ content: WindowEvent.Content) -> WindowEvent {
      WindowEvent(process: slot, thread: 1, address: 8, chunkByteCount: 0, content: content)
    }
    let stack = StackSlot(rawValue: 1)
    return CallCounts(
      (0..<allocations).map {
        event(.allocated(byteCount: 1, stack: stack, isStepped: $0 < stepped))
      } + Array(repeating: event(.freed(caller: 1)), count: frees) + [event(.kept)])
  }

  @Test func `an allocation is met twice, a free once, and a stepped return takes long`() {
    var costs = EventCosts(profile)
    // 900 ns for the trap and 250 for the program.
    #expect(costs.note(counts(100, frees: 0), of: slot) == 2300)
    #expect(costs.note(counts(0, frees: 100), of: slot) == 1150)
    #expect(costs.note(counts(50, frees: 50), of: slot) == 1725)
    #expect(costs.note(counts(50, stepped: 50, frees: 50), of: slot) == 1725 + 4500)
    #expect(costs.note(counts(50, stepped: 25, frees: 50), of: slot) == 1725 + 2250)
  }

  @Test func `what programs take is learnt from windows with enough events`() {
    var costs = EventCosts(profile)
    costs.learn(counts(10, frees: 10), programNanoseconds: 5000)
    costs.learn(counts(100, frees: 100), programNanoseconds: 0)
    #expect(costs.note(counts(0, frees: 100), of: slot) == 1150)
    for _ in 0..<50 { costs.learn(counts(100, frees: 100), programNanoseconds: 450) }
    #expect(abs(costs.note(counts(0, frees: 100), of: slot) - 1350) < 1)
  }

  @Test
  func `a process is expected to do what it did, and others to return dearly where that may be`() {
    var costs = EventCosts(profile)
    #expect(costs.expected(of: slot, mayStep: false) == 1725)
    #expect(costs.expected(of: slot, mayStep: true) == 1725 + 4500)
    _ = costs.note(counts(5, frees: 5), of: slot)
    #expect(costs.expected(of: slot, mayStep: true) == 1725 + 4500, "too few to tell")
    _ = costs.note(counts(0, frees: 100), of: slot)
    #expect(costs.expected(of: slot, mayStep: true) == 1150)
    costs.forget(slot)
    #expect(costs.expected(of: slot, mayStep: true) == 1725 + 4500)
  }

  @Test func `a call in a light window is met once`() {
    let costs = EventCosts(profile)
    #expect(costs.ofLightEvent(programNanoseconds: 0) == 1150)
    #expect(costs.ofLightEvent(programNanoseconds: 100) == 1000)
  }
}
