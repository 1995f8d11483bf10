import LinuxSystem
import Processes
import TestSupport
import Testing

@testable import Executables

@Suite("What is asked of the reader of debug information")
struct SourceConversationTests {
  private static let second: UInt64 = 1_000_000_000

  @Test("questions go out by module, once, and answers end the waiting")
  func ordinary() throws {
    var conversation = Self.started()
    let (first, second) = (try Self.module(1), try Self.module(2))
    for place in [Self.place(first, 16), Self.place(second, 32), Self.place(first, 17)] {
      #expect(conversation.calls(at: place) == nil)
      #expect(conversation.calls(at: place) == nil)
    }
    let sent = conversation.sendAll()
    #expect(
      sent.map(\.query.places) == [
        [SourceQuery.Place(address: 16), SourceQuery.Place(address: 17)],
        [SourceQuery.Place(address: 32)],
      ])
    #expect(sent.allSatisfy { $0.query.path != nil && $0.file != nil })
    for request in sent { #expect(conversation.answer(request) == true) }
    #expect(!conversation.isWaiting)
    #expect(conversation.calls(at: Self.place(second, 32)) == [SourceCall(function: "at 32")])

    // The reader has the module by now.
    _ = conversation.calls(at: Self.place(first, 18))
    let later = conversation.sendAll()
    #expect(later.map(\.query.path) == [nil])
    #expect(later.first?.file == nil)
  }

  @Test("the module that the reader was busy with is not read again, all else is asked again")
  func lostReader() throws {
    var conversation = Self.started()
    let (good, bad) = (try Self.module(1), try Self.module(2))
    for address: UInt64 in [1, 2, 3] {
      _ = conversation.calls(at: Self.place(good, address))
      _ = conversation.calls(at: Self.place(bad, address, symbol: "_Zbad\(address)"))
    }
    _ = conversation.calls(at: Self.place(bad, 4, symbol: "plain"))
    let sent = conversation.sendAll()
    #expect(conversation.answer(sent[0]) == true)
    #expect(conversation.answer(sent[1], count: 1) == true)
    #expect(conversation.endReader(because: "it was lost") == true)
    #expect(conversation.failuresByPath == ["/module2": "it was lost"])
    #expect(conversation.lostReaderCount == 1)
    // What was answered before stays, and what needs no reading is settled.
    #expect(conversation.calls(at: Self.place(bad, 1)) == [SourceCall(function: "at 1")])
    #expect(conversation.calls(at: Self.place(bad, 4, symbol: "plain")) == [])

    #expect(conversation.nextRequest() == nil, "no reader yet")
    conversation.begin(at: 0)
    #expect(conversation.nextRequest() == nil, "not ready yet")
    #expect(conversation.take(.ready, at: 0) == true)
    _ = conversation.calls(at: Self.place(good, 9))
    let again = conversation.sendAll()
    #expect(again.map(\.query.module) == [nil, good.file?.number])
    #expect(again[0].query.places.map(\.symbol) == ["_Zbad2", "_Zbad3"])
    #expect(again[1].query.path != nil, "a new reader has no module")
    for request in again { _ = conversation.answer(request) }
    #expect(!conversation.isWaiting)
  }

  @Test("a symbol that costs the reader is left as it is")
  func badSymbol() throws {
    var conversation = Self.started()
    let module = Module(buildID: nil, segments: LoadSegments([]), symbols: .empty)
    for name in ["_Za", "_Zb", "_Zc"] {
      _ = conversation.calls(at: Self.place(module, 1, symbol: name))
    }
    let sent = conversation.sendAll()
    _ = conversation.answer(sent[0], count: 1)
    _ = conversation.endReader(because: "it was lost")
    #expect(conversation.calls(at: Self.place(module, 1, symbol: "_Zb")) == [])
    _ = conversation.take(.ready, at: 0)
    #expect(conversation.sendAll().map { $0.query.places.map(\.symbol) } == [["_Zc"]])
    #expect(conversation.failuresByPath == [:])
  }

  @Test("a reader that was lost while it had nothing to do blames nobody")
  func lostWhenIdle() throws {
    var conversation = Self.started()
    let module = try Self.module(1)
    _ = conversation.calls(at: Self.place(module, 1))
    #expect(conversation.endReader(because: "it was lost") == true)
    #expect(conversation.failuresByPath == [:])
    _ = conversation.take(.ready, at: 0)
    #expect(conversation.sendAll().count == 1)
  }

  @Test("silence counts only while something is under way")
  func silence() throws {
    var conversation = Self.started()
    #expect(!conversation.isStuck(at: 1000 * Self.second))
    _ = conversation.calls(at: Self.place(try Self.module(1), 1))
    _ = conversation.sendAll(at: 1000 * Self.second)
    #expect(!conversation.isStuck(at: 1080 * Self.second))
    #expect(conversation.isStuck(at: 1100 * Self.second))
  }

  @Test("answers to what was not asked are refused")
  func senseless() throws {
    var conversation = Self.started()
    let isTakenBefore = conversation.take(SourceAnswer(id: 5, index: 0, calls: []), at: 0)
    #expect(!isTakenBefore)
    _ = conversation.calls(at: Self.place(try Self.module(1), 1))
    let sent = conversation.sendAll()
    let isTaken = conversation.take(
      SourceAnswer(id: sent[0].query.id, index: 1, calls: []), at: 0)
    #expect(!isTaken)
  }

  @Test("a query has no more places and bytes than fit into a packet")
  func queryBounds() throws {
    var conversation = Self.started()
    let module = try Self.module(1)
    let long = "_Z" + String(repeating: "a", count: 15_000)
    for address: UInt64 in 0..<100 {
      _ = conversation.calls(at: Self.place(module, address, symbol: long))
      _ = conversation.calls(at: Self.place(module, 1000 + address))
    }
    let tooLong = String(repeating: "_Zb", count: 10_000)
    _ = conversation.calls(at: Self.place(module, 5000, symbol: tooLong))
    var places = 0
    while let request = conversation.nextRequest() {
      #expect(request.query.packet.count < 100_000)
      #expect((1...SourceQuery.placeLimit).contains(request.query.places.count))
      conversation.noteSent(request, at: 0)
      places += request.query.places.count
      _ = conversation.answer(request)
    }
    #expect(places == 201)
    #expect(!conversation.isWaiting)
  }

  @Test("packets carry everything, and no bytes crash whoever reads them")
  func packets() throws {
    let query = SourceQuery(
      id: 7, module: 3, path: "/a/ü", closing: 2,
      places: [.init(address: .max, symbol: "_Z"), .init(address: 0, symbol: nil)])
    #expect(SourceQuery(packet: query.packet) == query)
    let answer = SourceAnswer(
      id: 7, index: 1,
      calls: [SourceCall(function: "f", file: "/x.c", line: 9), SourceCall()])
    #expect(SourceAnswer(packet: answer.packet) == answer)

    var generator = SeededGenerator(seed: 5)
    for _ in 0..<5000 {
      var bytes = Bool.random(using: &generator) ? query.packet : answer.packet
      for _ in 0..<Int.random(in: 1...3, using: &generator) {
        bytes[Int.random(in: 0..<bytes.count, using: &generator)] = .random(
          in: 0...255, using: &generator)
      }
      if Bool.random(using: &generator) {
        bytes.removeLast(Int.random(in: 0..<bytes.count, using: &generator))
      }
      _ = SourceQuery(packet: bytes)
      _ = SourceAnswer(packet: bytes)
    }
  }

  @Test("an answer that is too long for a packet keeps its ends")
  func longAnswer() throws {
    let long = "a" + String(repeating: "ü", count: 5000) + "z"
    let answer = SourceAnswer(
      id: 1, index: 0,
      calls: (0..<100).map { SourceCall(function: "\($0)" + long, file: long, line: 1) })
    #expect(answer.packet.count < 192 << 10)
    let read = try #require(SourceAnswer(packet: answer.packet))
    #expect(read.calls.count == SourceAnswer.callLimit)
    #expect(read.calls.first?.function?.hasPrefix("0a") == true)
    #expect(read.calls.last?.function?.hasPrefix("99a") == true)
    #expect(read.calls.last?.function?.hasSuffix("z") == true)
  }

  @Test("what was not asked for lately leaves the memory of answers first")
  func cache() {
    var cache = SourceCache(byteLimit: 100_000)
    let kept = SourceCache.Key.place(module: 1, address: 0)
    cache.insert([SourceCall(function: "kept")], for: kept)
    for address: UInt64 in 1..<10_000 {
      cache.insert([SourceCall(function: "f")], for: .place(module: 1, address: address))
      #expect(cache.calls(for: kept)?.first?.function == "kept")
    }
    #expect(cache.count < 1000)
    #expect(cache.calls(for: .place(module: 1, address: 5)) == nil)
  }

  // MARK: Pieces

  private static func started() -> SourceConversation {
    var conversation = SourceConversation(byteLimit: 1 << 20)
    conversation.begin(at: 0)
    _ = conversation.take(.ready, at: 0)
    return conversation
  }

  private static func place(
    _ module: Module, _ address: UInt64, symbol: String? = nil
  ) -> SourceResolver.Place {
    SourceResolver.Place(module: module, address: address, symbol: symbol)
  }

  private static func module(_ number: UInt64) throws -> Module {
    let file = try RegularFile(opening: "/proc/self/exe")
    let copy = ModuleFile(
      try .duplicating(file.descriptor),
      identity: FileIdentity(device: 1, inode: number, byteCount: 1, modified: 0, changed: 0),
      path: "/module\(number)", root: nil)
    return Module(
      buildID: nil, segments: LoadSegments([]), symbols: .empty, file: copy)
  }
}

extension SourceAnswer {
  fileprivate static let ready = SourceAnswer(id: readyID, index: 0, calls: [])
}

extension SourceConversation {
  /// Sends what there is to send.
  fileprivate mutating func sendAll(at now: UInt64 = 0) -> [Request] {
    var requests: [Request] = []
    while let request = nextRequest() {
      noteSent(request, at: now)
      requests.append(request)
    }
    return requests
  }

  /// Answers the first places of a query; false if one was refused.
  fileprivate mutating func answer(_ request: Request, count: Int = .max) -> Bool {
    for (index, place) in request.query.places.enumerated().prefix(count) {
      let calls = [SourceCall(function: "at \(place.address)")]
      let answer = SourceAnswer(id: request.query.id, index: UInt32(index), calls: calls)
      guard take(answer, at: 0) else { return false }
    }
    return true
  }
}
