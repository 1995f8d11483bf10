/// What the reader of debug information is asked: the calls at some addresses of one module.
struct SourceQuery: Hashable, Sendable {
  struct Place: Hashable, Sendable {
    /// Virtual address in the module.
    var address: UInt64
    /// The function's name in the module's own symbol table, mangled as it stands there.
    var symbol: String?
  }

  /// Room for the places of one query, in number and in bytes of symbols.
  static let placeLimit = 32
  static let symbolByteLimit = 64 << 10

  var id: UInt32
  /// nil: only the symbols are to be made readable.
  var module: UInt32?
  /// Path in the process's own mount namespace.
  ///
  /// Present when the module is new to the reader. The packet then carries the file, and the root folder of the
  /// process where that is not the reader's own.
  var path: String?
  /// A module that won't be asked for any more.
  var closing: UInt32?
  var places: [Place]
}

/// The calls at one place of a query; a query gets one for each of its places, in their order.
struct SourceAnswer: Hashable, Sendable {
  /// The id of what the reader sends first, to tell that it is ready.
  static let readyID: UInt32 = 0

  /// Bytes kept of a name and of a path, and calls kept of one address, innermost first.
  static let functionByteLimit = 1536
  static let pathByteLimit = 1024
  static let callLimit = 64

  var id: UInt32
  var index: UInt32
  /// None: nothing is known but the symbol, which is readable as it is.
  var calls: [SourceCall]
}

extension SourceQuery {
  var packet: [UInt8] {
    var writer = PacketWriter()
    writer.put(id)
    writer.put(optional: module) { $0.put($1) }
    writer.put(optional: path) { $0.put($1) }
    writer.put(optional: closing) { $0.put($1) }
    writer.put(UInt32(places.count))
    for place in places {
      writer.put(place.address)
      writer.put(optional: place.symbol) { $0.put($1) }
    }
    return writer.bytes
  }

  init?(packet: [UInt8]) {
    var reader = PacketReader(packet)
    guard let id = reader.number(UInt32.self),
      let module = reader.optional({ $0.number(UInt32.self) }),
      let path = reader.optional({ $0.string() }),
      let closing = reader.optional({ $0.number(UInt32.self) }),
      let count = reader.number(UInt32.self), count <= Self.placeLimit
    else { return nil }
    places = []
    for _ in 0..<count {
      guard let address = reader.number(UInt64.self),
        let symbol = reader.optional({ $0.string() })
      else { return nil }
      places.append(Place(address: address, symbol: symbol))
    }
    guard reader.isAtEnd else { return nil }
    (self.id, self.module, self.path, self.closing) = (id, module, path, closing)
  }
}

extension SourceAnswer {
  /// The bytes of an answer; what is beyond the limits is left out.
  var packet: [UInt8] {
    var writer = PacketWriter()
    writer.put(id)
    writer.put(index)
    // The function whose code it is comes last and stays.
    let kept = calls.prefix(Self.callLimit - 1) + calls.dropFirst(Self.callLimit - 1).suffix(1)
    writer.put(UInt32(kept.count))
    for call in kept {
      writer.put(optional: call.function) { $0.put($1, limit: Self.functionByteLimit) }
      writer.put(optional: call.file) { $0.put($1, limit: Self.pathByteLimit) }
      writer.put(UInt64(clamping: call.line ?? 0))
    }
    return writer.bytes
  }

  init?(packet: [UInt8]) {
    var reader = PacketReader(packet)
    guard let id = reader.number(UInt32.self), let index = reader.number(UInt32.self),
      let count = reader.number(UInt32.self), count <= Self.callLimit
    else { return nil }
    calls = []
    for _ in 0..<count {
      guard let function = reader.optional({ $0.string() }),
        let file = reader.optional({ $0.string() }), let line = reader.number(UInt64.self)
      else { return nil }
      calls.append(
        SourceCall(function: function, file: file, line: line > 0 ? Int(clamping: line) : nil))
    }
    guard reader.isAtEnd else { return nil }
    (self.id, self.index) = (id, index)
  }
}
