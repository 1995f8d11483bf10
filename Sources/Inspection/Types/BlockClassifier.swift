import AllocationModel

/// Tells the type of a block: by the first language that knows it, else by its looks. Symbols are as they are in files.
struct BlockClassifier {
  let image: ProcessImage
  /// Of all blocks.
  let index: BlockIndex
  var typers: [any BlockTyper]

  mutating func type(of block: HeapBlock) -> BlockType {
    let bySize = BlockType(name: "\(block.byteCount) bytes", kind: .size)
    guard block.byteCount >= 8 else { return bySize }
    return image.withBytes(of: block.address..<(block.address + block.byteCount)) { contents in
      for position in typers.indices {
        if let name = typers[position].typeName(of: contents) {
          return BlockType(name: name, kind: typers[position].kind)
        }
      }
      return BlockShape.type(of: contents, index)
    } ?? bySize
  }
}
