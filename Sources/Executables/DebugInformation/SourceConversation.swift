import Processes

/// What was asked of the reader of debug information, what it has answered, and what follows when it is lost.
///
/// A value without side effects: time enters as a parameter, and whoever owns it sends and receives. The reader answers
/// in the order it was asked, so when it is lost, the first place without an answer is what it was busy with.
struct SourceConversation {
  /// A query, the files it needs, and what its answers are filed under.
  struct Request {
    var query: SourceQuery
    var file: ModuleFile?
    var keys: [SourceCache.Key]
    var answered = 0
  }

  private struct Wish {
    var key: SourceCache.Key
    var place: SourceQuery.Place
  }

  private struct Bucket {
    var file: ModuleFile?
    var wishes: [Wish] = []
  }

  /// Queries under way at most, and modules that the reader keeps open.
  private static let queryLimit = 8
  private static let openLimit = 24
  private static let wishLimit = 1 << 16
  private static let failureLimit = 1 << 12
  /// Nanoseconds without an answer after which the reader is taken for stuck; its own deadline is shorter.
  private static let patience: UInt64 = 90_000_000_000

  private var cache: SourceCache
  private var lastID = SourceAnswer.readyID
  /// Files whose debug information is not read again.
  private var unreadable: Set<FileIdentity> = []
  /// Modules that the reader has open, with the id of the query that used them last.
  private var open: [UInt32: UInt32] = [:]
  /// What is to be asked by module, nil for mere symbols, and the modules in the order they are to be asked in.
  private var buckets: [UInt32?: Bucket] = [:]
  private var order: [UInt32?] = []
  /// What was asked or is to be, and has no answer.
  private var wanted: Set<SourceCache.Key> = []
  private var underWay: [Request] = []
  private var isReady = false
  /// Nanoseconds; when the reader was last known to do something.
  private var lastSign: UInt64 = 0
  /// Nobody will ever answer.
  private var isGivenUp = false
  /// Paths of the modules that cost a reader, with what happened.
  private(set) var failuresByPath: [String: String] = [:]
  private(set) var lostReaderCount = 0

  init(byteLimit: Int) {
    cache = SourceCache(byteLimit: byteLimit)
  }

  /// Whether anything has no answer yet.
  var isWaiting: Bool { !wanted.isEmpty }

  // MARK: Asking

  /// The calls at a place; nil where they are not known yet, but asked for from now on.
  mutating func calls(at place: SourceResolver.Place) -> [SourceCall]? {
    let symbol = place.symbol.flatMap {
      $0.utf8.count <= Demangler.symbolByteLimit ? $0 : nil
    }
    let file = place.module.file
    let key: SourceCache.Key
    if let file {
      key = .place(module: file.number, address: place.address)
    } else if let symbol {
      key = .symbol(symbol)
    } else {
      return []
    }
    if let known = cache.calls(for: key) { return known }
    if wanted.contains(key) { return nil }
    let module = file.flatMap { unreadable.contains($0.identity) ? nil : $0.number }
    if module == nil, symbol.map(Demangler.isMangled) != true { return [] }
    guard !isGivenUp else { return [] }
    guard wanted.count < Self.wishLimit else { return nil }
    wanted.insert(key)
    let wish = Wish(
      key: key, place: SourceQuery.Place(address: place.address, symbol: symbol))
    add([wish], to: module, file: file)
    return nil
  }

  private mutating func add(_ wishes: [Wish], to module: UInt32?, file: ModuleFile?) {
    guard !wishes.isEmpty else { return }
    if buckets[module] == nil { order.append(module) }
    buckets[module, default: Bucket(file: module == nil ? nil : file)].wishes += wishes
  }

  /// What to send next, if anything; it is to be sent again until `noteSent`.
  func nextRequest() -> Request? {
    guard isReady, underWay.count < Self.queryLimit, let module = order.first,
      let bucket = buckets[module]
    else { return nil }
    var symbolByteCount = 0
    let wishes = bucket.wishes.prefix(SourceQuery.placeLimit).prefix { wish in
      symbolByteCount += wish.place.symbol?.utf8.count ?? 0
      return symbolByteCount <= SourceQuery.symbolByteLimit
    }
    var query = SourceQuery(
      id: lastID &+ 1, module: module, path: nil, closing: nil, places: wishes.map(\.place))
    let isOpen = module.map { open[$0] != nil } ?? true
    if !isOpen {
      query.path = bucket.file?.path
      if open.count >= Self.openLimit {
        query.closing = open.min { $0.value < $1.value }?.key
      }
    }
    return Request(query: query, file: isOpen ? nil : bucket.file, keys: wishes.map(\.key))
  }

  mutating func noteSent(_ request: Request, at now: UInt64) {
    let module = request.query.module
    lastID = request.query.id
    if let closing = request.query.closing { open[closing] = nil }
    if let module { open[module] = request.query.id }
    var bucket = buckets[module] ?? Bucket()
    bucket.wishes.removeFirst(request.keys.count)
    buckets[module] = bucket.wishes.isEmpty ? nil : bucket
    if bucket.wishes.isEmpty { order.removeFirst() }
    if underWay.isEmpty { lastSign = now }
    var sent = request
    sent.file = bucket.file
    underWay.append(sent)
  }

  // MARK: Answers

  /// A new reader was started.
  mutating func begin(at now: UInt64) {
    isReady = false
    open = [:]
    lastSign = now
  }

  /// Takes an answer; false if it is none to what was asked.
  mutating func take(_ answer: SourceAnswer, at now: UInt64) -> Bool {
    lastSign = now
    if answer.id == SourceAnswer.readyID {
      isReady = true
      return true
    }
    guard let request = underWay.first, answer.id == request.query.id,
      answer.index == UInt32(request.answered)
    else { return false }
    settle(request.keys[request.answered], answer.calls)
    underWay[0].answered += 1
    if underWay[0].answered == request.keys.count { underWay.removeFirst() }
    return true
  }

  private mutating func settle(_ key: SourceCache.Key, _ calls: [SourceCall]) {
    wanted.remove(key)
    cache.insert(calls, for: key)
  }

  // MARK: Losing the reader

  func isStuck(at now: UInt64) -> Bool {
    (!isReady || !underWay.isEmpty) && now &- lastSign > Self.patience
  }

  /// The reader is gone. Returns whether it had been ready.
  ///
  /// What it was busy with is not asked again; of that module only symbols are. All else is asked again.
  mutating func endReader(because reason: String) -> Bool {
    defer { isReady = false }
    open = [:]
    let lost = underWay
    underWay = []
    if isReady { lostReaderCount += 1 }
    if let culprit = lost.first {
      if let module = culprit.query.module {
        markUnreadable(module, culprit.file, reason)
      } else {
        settle(culprit.keys[culprit.answered], [])
      }
    }
    for request in lost {
      let rest = zip(request.keys, request.query.places).dropFirst(request.answered)
        .map { Wish(key: $0, place: $1) }
        .filter { wanted.contains($0.key) }
      addAgain(rest, to: request.query.module, file: request.file)
    }
    return isReady
  }

  private mutating func markUnreadable(_ module: UInt32, _ file: ModuleFile?, _ reason: String) {
    if unreadable.count >= Self.failureLimit { (unreadable, failuresByPath) = ([], [:]) }
    if let file {
      unreadable.insert(file.identity)
      failuresByPath[file.path] = reason
    }
    guard let bucket = buckets.removeValue(forKey: module) else { return }
    order.removeAll { $0 == module }
    addAgain(bucket.wishes, to: module, file: bucket.file)
  }

  private mutating func addAgain(_ wishes: [Wish], to module: UInt32?, file: ModuleFile?) {
    guard let file, unreadable.contains(file.identity) else {
      return add(wishes, to: module, file: file)
    }
    // Symbols can still be made readable.
    let mangled = wishes.filter { $0.place.symbol.map(Demangler.isMangled) == true }
    for wish in wishes where wish.place.symbol.map(Demangler.isMangled) != true {
      settle(wish.key, [])
    }
    add(mangled, to: nil, file: nil)
  }

  /// A module's file could not be kept open: only its symbols are asked for.
  mutating func giveUpFile(of module: UInt32) {
    guard let bucket = buckets.removeValue(forKey: module) else { return }
    order.removeAll { $0 == module }
    if let file = bucket.file { unreadable.insert(file.identity) }
    addAgain(bucket.wishes, to: module, file: bucket.file)
  }

  /// Nobody will answer any more.
  mutating func giveUp(because reason: String) {
    isGivenUp = true
    failuresByPath["all files"] = reason
    (buckets, order, wanted, underWay) = ([:], [], [], [])
  }
}
