package import AllocationModel
import LinuxSystem
package import Processes

/// One heap, its references and the names of what holds it: whatever can be asked of it is asked here.
///
/// Used by one thread.
package final class HeapSurvey {
  /// Makes symbols readable, each as good as it can, in the same order.
  package typealias NameReading = ([String]) -> [String]

  package let image: ProcessImage
  package let walk: HeapWalk
  package let references: HeapReferences
  package let naming: RootNaming
  let readNames: NameReading
  /// References by the block that they point into.
  private(set) lazy var incoming = references.graph.reversed()
  private(set) lazy var byteCounts = walk.blocks.map(\.byteCount)
  /// Of all blocks; each is looked at when this is asked for first.
  package private(set) lazy var types =
    savedTypes
    ?? BlockTypes(of: walk.blocks, classifier: makeClassifier, readNames: readNames)
  private let savedTypes: BlockTypes?
  private lazy var classifier = makeClassifier()
  /// One for each thread.
  private let makeClassifier: @Sendable () -> BlockClassifier

  /// - Parameters:
  ///   - process: whose files are read for symbols and types; nil for none.
  ///   - names: symbols come from other people's files, so whoever reads them should be able to crash.
  package init(
    of image: ProcessImage, _ walk: HeapWalk, in process: ProcessDirectory?,
    names: @escaping NameReading = { $0 }
  ) {
    self.image = image
    self.walk = walk
    references = HeapReferences(of: image, walk)
    naming = RootNaming(of: image, ModuleMap(of: image, in: process))
    let mayHaveSwift = naming.modules.mayHaveSwift
    makeClassifier = { [image, index = references.index] in
      let memory = StaticMemory(image, in: process)
      var typers: [any BlockTyper] = [CPlusPlusTyper(memory)]
      if mayHaveSwift { typers.append(SwiftTyper(memory)) }
      return BlockClassifier(image: image, index: index, typers: typers)
    }
    readNames = names
    savedTypes = nil
  }

  /// - Parameter names: as above.
  package init(of snapshot: HeapSnapshot, names: @escaping NameReading = { $0 }) {
    image = snapshot.image
    walk = snapshot.walk
    references = HeapReferences(of: image, walk)
    naming = RootNaming(of: image, ModuleMap(snapshot.modules))
    makeClassifier = { [image, index = references.index] in
      BlockClassifier(image: image, index: index, typers: [])
    }
    readNames = names
    savedTypes = snapshot.types
  }

  /// Roots of all kinds but some, by the block that they hold.
  package func roots(without kinds: Set<RootReference.Kind>) -> RootedBlocks {
    RootedBlocks(
      kinds.isEmpty
        ? references.roots.all
        : references.roots.all.filter { !kinds.contains(naming.kind(of: $0)) })
  }

  /// The block at an address, in it or right at its start.
  package func block(at address: UInt64) -> Int? { references.index.block(at: address) }

  func hop(_ block: Int, entry: UInt64 = 0, field: UInt64? = nil) -> ReferencePath.Hop {
    ReferencePath.Hop(
      address: walk.blocks[block].address, byteCount: walk.blocks[block].byteCount,
      type: nominalName(block), entry: entry, field: field)
  }

  /// The type of one block, if a program gave it one.
  package func nominalName(_ block: Int) -> String? {
    if let type = savedTypes?[block] { return type.kind.isNominal ? type.name : nil }
    let type = classifier.type(of: walk.blocks[block])
    return type.kind.isNominal ? BlockTypes.readable([type], readNames)[0].name : nil
  }

  /// A root with its symbol made readable.
  func reference(_ root: HeapRoot) -> RootReference { readable(naming.reference(root)) }

  func readable(_ reference: RootReference) -> RootReference {
    var reference = reference
    let parts = reference.owner.split(separator: "!", maxSplits: 1)
    if parts.count == 2 {
      reference.owner = "\(parts[0])!\(readNames([String(parts[1])])[0])"
    }
    return reference
  }

  /// The words of a block that are addresses in another: first those that are its own address.
  func fields(of block: Int, to other: Int) -> [(offset: UInt64, entry: UInt64)] {
    let target = references.index.range(of: other)
    let source = references.index.range(of: block)
    var found: [(offset: UInt64, entry: UInt64)] = []
    image.withBytes(of: source) { bytes in
      var offset = 0
      while offset + 8 <= bytes.byteCount {
        let word = bytes.word(at: offset)
        if target.contains(word) { found.append((UInt64(offset), word - target.lowerBound)) }
        offset += 8
      }
    }
    return found.filter { $0.entry == 0 } + found.filter { $0.entry != 0 }
  }

  /// Where in its block a root points.
  func entry(of root: HeapRoot) -> UInt64 {
    let word: UInt64? =
      switch root.location {
      case .memory(let address): image.word(at: address)
      case .register(let thread, let number):
        image.threads[Int(thread)].registers.values[Int(number)]
      }
    return (word ?? 0) &- walk.blocks[Int(root.block)].address
  }
}
