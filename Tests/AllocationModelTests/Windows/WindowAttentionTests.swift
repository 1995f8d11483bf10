import Testing

@testable import AllocationModel

struct WindowAttentionTests {
  private static func target(_ pid: Int32, growth: Double) -> TargetSnapshot {
    var target = TargetSnapshot(pid: pid, startTicks: 1, name: "t")
    target.anonymousGrowth = GrowthRate(bytesPerSecond: growth, low: growth, high: 1e6)
    return target
  }

  private let targets = [
    target(1, growth: 0), target(2, growth: 2e4), target(3, growth: 3e4),
  ]

  @Test func `while nothing grows all windows are for everyone`() {
    var attention = WindowAttention(budget: 0.02)
    #expect(attention.nextOwnWindow == nil)
    #expect(attention.shareOfEveryone == 1)
    #expect(attention.next(at: 0, everyoneIsDue: true) == .everyone)
    #expect(attention.next(at: 0, everyoneIsDue: false) == nil)
  }

  @Test func `growing processes get windows of their own, and everyone still gets some`() {
    var attention = WindowAttention(budget: 0.02)
    attention.update(targets)
    // A window for all takes ten times as much of our own time, so half of it is for them.
    var subjects: [WindowAttention.Subject?] = []
    for _ in 0..<44 {
      let subject = attention.next(at: 0, everyoneIsDue: true)
      if case .process(let process)? = subject {
        attention.noteWindow(of: process, ownSeconds: 0.003, cost: 0, at: 0)
      } else {
        attention.noteWindowForAll(ownSeconds: 0.03)
      }
      subjects.append(subject)
    }
    #expect((4...5).contains(subjects.count { $0 == .everyone }))
    #expect((19...20).contains(subjects.count { $0 == .process(targets[2].process) }))
    #expect((19...20).contains(subjects.count { $0 == .process(targets[1].process) }))
  }

  @Test func `no process loses more than half of the budget to its own windows`() {
    var attention = WindowAttention(budget: 0.02)
    attention.update(targets)
    #expect(attention.shareOfEveryone == 0.5)
    var lost: [ProcessIdentity: Double] = [:]
    var now: UInt64 = 1_000_000_000
    let end: UInt64 = 101_000_000_000
    while now < end {
      // Nobody else's windows are due.
      guard case .process(let process)? = attention.next(at: now, everyoneIsDue: false) else {
        guard let next = attention.nextOwnWindow else { break }
        #expect(next > now)
        now = next
        continue
      }
      now += 40_000_000
      lost[process, default: 0] += 0.01
      attention.noteWindow(of: process, ownSeconds: 0.003, cost: 0.01, at: now)
    }
    #expect(lost.keys.count == 2)
    for (process, seconds) in lost {
      #expect(
        (0.7...0.81).contains(seconds), "0.8 % of a hundred seconds, less the last one's debt")
      #expect(attention.costShare(of: process, at: now) < 0.01)
    }
  }

  @Test func `those in debt and those that can't have their own are passed over`() {
    var attention = WindowAttention(budget: 0.02)
    attention.update(targets)
    let (slow, fast) = (targets[1].process, targets[2].process)
    attention.noteWindow(of: fast, ownSeconds: 0.003, cost: 0.01, at: 1_000_000_000)
    for _ in 0..<3 {
      #expect(attention.next(at: 1_000_000_000, everyoneIsDue: false) == .process(slow))
    }
    attention.leaveOut(slow)
    #expect(attention.next(at: 1_000_000_000, everyoneIsDue: false) == nil)
    #expect(attention.nextOwnWindow.map { $0 > 2_000_000_000 } == true)
    // Found growing again, what it owes is not forgotten.
    attention.update(targets)
    #expect(attention.next(at: 1_000_000_000, everyoneIsDue: false) == .process(slow))
    attention.leaveOut(slow)
    #expect(attention.next(at: 1_000_000_000, everyoneIsDue: true) == .everyone)
  }

  @Test func `one after the other gets a name, and those that have one come last`() {
    let many = (1...20).map { Self.target($0, growth: 1e4 + Double($0)) }
    func growers(_ attention: inout WindowAttention) -> Set<Int32> {
      var pids: Set<Int32> = []
      for _ in 0..<40 {
        if case .process(let process)? = attention.next(at: 0, everyoneIsDue: false) {
          pids.insert(process.pid)
        }
      }
      return pids
    }
    var attention = WindowAttention(budget: 0.02)
    attention.update(many)
    #expect(growers(&attention) == Set(13...20))
    // The order of growth changes all the time; who has begun goes on.
    let others = (1...20).map { Self.target($0, growth: 2e4 - Double($0)) }
    attention.update(others)
    #expect(growers(&attention) == Set(13...20))
    let named = Set(others.filter { $0.pid > 14 }.map(\.process))
    attention.update(others, named: named)
    #expect(growers(&attention) == Set([13, 14, 1, 2, 3, 4, 5, 6]))
    attention.update(Array(others.suffix(9)), named: named)
    #expect(growers(&attention) == Set([13, 14, 12, 15, 16, 17, 18, 19]))
  }
}
