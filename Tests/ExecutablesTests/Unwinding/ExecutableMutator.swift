import TestSupport

/// Damages executables the way a hostile or broken file could be damaged.
struct ExecutableMutator {
  private let originals: [[UInt8]]
  private var generator: SeededGenerator

  init(_ originals: [[UInt8]], seed: UInt64) {
    self.originals = originals
    generator = SeededGenerator(seed: seed)
  }

  mutating func next() -> [UInt8] {
    var bytes = originals.randomElement(using: &generator) ?? []
    for _ in 0..<Int.random(in: 1...8, using: &generator) { damage(&bytes) }
    return bytes
  }

  mutating func number(below limit: Int) -> Int { Int.random(in: 0..<limit, using: &generator) }

  private mutating func damage(_ bytes: inout [UInt8]) {
    guard bytes.count > 64 else { return }
    let position = position(bytes)
    switch number(below: 12) {
    case 0: bytes.removeLast(number(below: bytes.count - 8))
    case 1...5: bytes[position] = UInt8.random(in: 0...255, using: &generator)
    case 6: bytes[position] ^= 1 << UInt8(number(below: 8))
    case 7, 8: fill(&bytes, position)
    case 9: copy(&bytes, from: bytes, to: position)
    case 10: copy(&bytes, from: originals.randomElement(using: &generator) ?? [], to: position)
    default:
      let count = min(number(below: 16), bytes.count - position)
      bytes.removeSubrange(position..<position + count)
      bytes.insert(contentsOf: repeatElement(0, count: count), at: number(below: bytes.count))
    }
  }

  /// Headers are few bytes and decide much, and so are hit more often than the rest; code is not worth it.
  private mutating func position(_ bytes: [UInt8]) -> Int {
    switch number(below: 4) {
    case 0: 4 + number(below: 60)
    case 1: min(64 + number(below: 300), bytes.count - 1)
    default: 4 + number(below: bytes.count - 4)
    }
  }

  /// Sets a whole field to an extreme.
  private mutating func fill(_ bytes: inout [UInt8], _ position: Int) {
    let width = [2, 4, 8].randomElement(using: &generator) ?? 4
    let value = ([0x00, 0x01, 0x7f, 0x80, 0xff] as [UInt8]).randomElement(using: &generator) ?? 0
    for index in position..<min(position + width, bytes.count) { bytes[index] = value }
  }

  private mutating func copy(_ bytes: inout [UInt8], from source: [UInt8], to position: Int) {
    guard !source.isEmpty else { return }
    let start = number(below: source.count)
    let count = min(number(below: 64), source.count - start, bytes.count - position)
    bytes.replaceSubrange(position..<position + count, with: source[start..<start + count])
  }
}
