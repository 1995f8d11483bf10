import AllocationModel

/// Knows objects of Swift classes, and what closures have captured, by their metadata (docs/ABI/TypeMetadata.rst; Linux,
/// so without Objective-C).
///
///     object:           metadata | reference counts | fields …
///     class metadata:   kind 0 | superclass | flags, address point | instance size, … | class size, … | descriptor
///     class descriptor: flags | parent | name | …          relative references of four bytes
struct SwiftTyper: BlockTyper {
  let kind = BlockType.Kind.swift

  /// `MetadataKind` of heap objects that are no class's (MetadataKind.def).
  private static let otherKinds: [UInt64: String] = [
    0x400: "closure context", 0x500: "box", 0x501: "error", 0x502: "task", 0x503: "job",
  ]
  /// Kinds of nominal types that may stand for a type parameter: structure, enumeration, optional, foreign class.
  private static let valueKinds: Set<UInt64> = [0x200, 0x201, 0x202, 0x203]
  private static let depthLimit = 8
  private static let argumentLimit = 8

  private struct Known {
    var name: String
    /// Bytes of an instance, ≥ 16.
    var byteCount: UInt64
  }

  private let memory: StaticMemory
  private var knownByMetadata: [UInt64: Known?] = [:]

  init(_ memory: StaticMemory) {
    self.memory = memory
  }

  mutating func typeName(of contents: RawSpan) -> String? {
    guard contents.byteCount >= 16 else { return nil }
    let metadata = contents.word(at: 0)
    guard metadata % 8 == 0, metadata > 4096, let known = known(metadata),
      known.byteCount <= UInt64(contents.byteCount)
    else { return nil }
    return known.name
  }

  /// Metadata of generic classes may be in any memory; but of the words that lead there, most are something else, and
  /// these are too many to remember.
  private mutating func known(_ metadata: UInt64) -> Known? {
    let isStatic = memory.isStatic(metadata)
    guard isStatic || memory.word(at: metadata) == 0 else { return nil }
    if let known = knownByMetadata[metadata] { return known }
    let read = read(metadata)
    if isStatic || read != nil { knownByMetadata[metadata] = .some(read) }
    return read
  }

  private func read(_ metadata: UInt64) -> Known? {
    guard let kind = memory.word(at: metadata) else { return nil }
    if let name = Self.otherKinds[kind], memory.isStatic(metadata),
      // Before heap metadata stand the destroying function and the value witnesses, if any.
      let destroy = memory.word(at: metadata - 16), memory.isStatic(destroy)
    {
      return Known(name: name, byteCount: 16)
    }
    guard kind == 0, let size = memory.number(at: metadata + 24, UInt32.self), size >= 16,
      let name = className(metadata, depth: 0)
    else { return nil }
    return Known(name: name, byteCount: UInt64(size))
  }

  private func className(_ metadata: UInt64, depth: Int) -> String? {
    guard let descriptor = memory.word(at: metadata + 40), descriptor % 4 == 0,
      memory.isStatic(descriptor), let flags = memory.number(at: descriptor, UInt32.self),
      flags & 0x1f == 16, let name = nominalName(descriptor)
    else { return nil }
    guard flags & 0x80 != 0, depth < Self.depthLimit else { return name }
    return name + arguments(of: metadata, descriptor, depth: depth)
  }

  /// The parameters of a generic class, which are the first of its own members.
  private func arguments(of metadata: UInt64, _ descriptor: UInt64, depth: Int) -> String {
    guard let flags = memory.number(at: descriptor, UInt32.self),
      // A class with a superclass of another library has no fixed place for them (kind flag 13).
      flags >> 16 & 1 << 13 == 0, flags >> 16 & 1 << 12 == 0,
      let words = memory.number(at: descriptor + 28, UInt32.self),
      let own = memory.number(at: descriptor + 32, UInt32.self), own <= words, words < 1 << 16,
      let count = memory.number(at: descriptor + 52, UInt16.self), count > 0,
      Int(count) <= Self.argumentLimit, UInt32(count) <= own
    else { return "" }
    let first = metadata + 8 * UInt64(words - own)
    let names = (0..<UInt64(count)).map { index in
      memory.word(at: first + 8 * index).flatMap { typeName($0, depth: depth + 1) } ?? "_"
    }
    return "<\(names.joined(separator: ", "))>"
  }

  /// The name of the type that metadata of any kind stands for.
  private func typeName(_ metadata: UInt64, depth: Int) -> String? {
    guard metadata % 8 == 0, let kind = memory.word(at: metadata) else { return nil }
    if kind == 0 { return className(metadata, depth: depth) }
    guard Self.valueKinds.contains(kind) else { return nil }
    return memory.word(at: metadata + 8).flatMap(nominalName)
  }

  /// The name with those of all that it is declared in, such as `Module.Outer.Inner`.
  private func nominalName(_ descriptor: UInt64) -> String? {
    var names: [String] = []
    var next: UInt64? = descriptor
    while let context = next, names.count < Self.depthLimit,
      let flags = memory.number(at: context, UInt32.self)
    {
      // ContextDescriptorKind: 0 a module, 16 to 18 classes, structures and enumerations. Others have no name.
      if [0, 16, 17, 18].contains(flags & 0x1f) {
        guard let name = memory.relative(at: context + 8).flatMap({ memory.text(at: $0) })
        else { return nil }
        names.append(name)
      }
      if flags & 0x1f == 0 { break }
      next = memory.relative(at: context + 4)
    }
    return names.isEmpty ? nil : names.reversed().joined(separator: ".")
  }
}
