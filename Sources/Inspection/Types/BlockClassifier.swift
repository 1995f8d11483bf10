import AllocationModel

/// Tells the type of a block: by the first language that knows it, else by its looks. Symbols are as they are in files.
struct BlockClassifier {
  let image: ProcessImage
  /// Of all blocks.
  let index: BlockIndex
  var typers: [any BlockTyper]

  init(image: ProcessImage, index: BlockIndex, typers: [any BlockTyper]) {
    self.image = image
    self.index = index
    self.typers = typers
  }

  mutating func type(of block: HeapBlock) -> BlockType {
    BlockType(of: finding(of: block), byteCount: block.byteCount)
  }

  /// What is found without making a name of it: names of languages, else the looks.
  enum Finding: Hashable, Sendable {
    case object(String, BlockType.Kind)
    case looks(BlockType.Kind)
  }

  mutating func finding(of block: HeapBlock) -> Finding {
    guard block.byteCount >= 8 else { return .looks(.size) }
    return image.withBytes(of: block.address..<(block.address + block.byteCount)) { contents in
      for position in typers.indices {
        if let name = typers[position].typeName(of: contents) {
          return .object(name, typers[position].kind)
        }
      }
      return .looks(BlockShape.kind(of: contents, index))
    } ?? .looks(.size)
  }
}

extension BlockType {
  init(of finding: BlockClassifier.Finding, byteCount: UInt64) {
    switch finding {
    case .object(let name, let kind): self.init(name: name, kind: kind)
    case .looks(.size): self.init(name: "\(byteCount) bytes", kind: .size)
    case .looks(let kind): self.init(name: kind.rawValue, kind: kind)
    }
  }
}
