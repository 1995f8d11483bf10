import Testing

@testable import AllocationModel

struct LightWindowTurnsTests {
  /// Which of the next windows are light, where so many processes want that.
  private static func turns(wanted: Int, of seen: Int, count: Int = 20) -> String {
    var turns = LightWindowTurns()
    var result = ""
    for _ in 0..<count {
      let isLight = turns.isDue(wanted: wanted, of: seen)
      result += isLight ? "l" : "f"
      turns.note(isLight: isLight)
    }
    return result
  }

  @Test func `without a process that learns from it no window is light`() {
    #expect(Self.turns(wanted: 0, of: 0) == String(repeating: "f", count: 20))
    #expect(Self.turns(wanted: 0, of: 100) == String(repeating: "f", count: 20))
  }

  @Test func `what an eighth of the processes wants is done at once`() {
    #expect(Self.turns(wanted: 1, of: 1, count: 2) == "ll")
    #expect(Self.turns(wanted: 1, of: 8, count: 2) == "ll")
    #expect(Self.turns(wanted: 100, of: 100, count: 2) == "ll")
  }

  @Test func `few of many get one light window after eight full ones`() {
    #expect(Self.turns(wanted: 1, of: 9) == "fffffffflfffffffflff")
    #expect(Self.turns(wanted: 12, of: 100) == "fffffffflfffffffflff")
  }
}
