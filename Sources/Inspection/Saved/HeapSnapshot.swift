import Executables
package import LinuxSystem
import Processes
import SystemPackage

/// A heap with all that is needed to ask it the questions that a survey answers, also where the process and its files
/// are not.
package struct HeapSnapshot {
  /// Where a snapshot comes from.
  package struct Origin: Hashable, Sendable {
    /// The command name of the process.
    package var name: String
    /// When it was saved.
    package var unixNanoseconds: Int64
    /// Whether memory is as it was, rather than addresses only.
    package var hasContents: Bool

    package init(name: String, unixNanoseconds: Int64, hasContents: Bool) {
      self.name = name
      self.unixNanoseconds = unixNanoseconds
      self.hasContents = hasContents
    }
  }

  package let origin: Origin
  package let image: ProcessImage
  package let walk: HeapWalk
  let types: BlockTypes
  let modules: [ModuleFacts]
}

extension HeapSnapshot {
  /// Takes what a survey knows, and looks up what it has not needed yet.
  package init(of survey: HeapSurvey, _ origin: Origin) {
    self.origin = origin
    image = survey.image
    walk = survey.walk
    types = survey.types
    modules = survey.naming.modules.facts()
  }

  /// Writes it to a file: how many bytes that has.
  ///
  /// - Throws: `SnapshotError`; then there is no such file, or still the one that was there.
  package func save(to file: consuming ReplacedFile) throws(SnapshotError) -> UInt64 {
    let path = file.path
    do throws(Errno) {
      var writer = try SnapshotWriter(file)
      try writer.write(.origin, coded { $0.put(origin, image) })
      try writer.write(.regions, coded { $0.put(image.regions) })
      let mask = origin.hasContents ? nil : AddressMask(image, walk)
      let threads = mask.map { mask in image.threads.map(mask.masked) } ?? image.threads
      try writer.write(.threads, coded { $0.put(threads) })
      try writer.write(.heap, coded { $0.put(walk) })
      try writer.write(.blocks, coded { $0.put(walk.blocks) })
      try writer.write(.freeChunks, coded { $0.put(walk.freeChunks) })
      try writer.write(.types, coded { $0.put(types.all) })
      try writer.write(.typeNumbers, coded { $0.put(numbers: types.numbers) })
      try writer.write(.modules, coded { $0.put(modules) })
      let pieces = image.pieces(of: UInt64(SnapshotSection.byteLimit))
      try writer.write(.memory, count: pieces.count) { number in
        let bytes = mask?.bytes(of: pieces[number]) ?? image.bytes(of: pieces[number])
        return (pieces[number].lowerBound, bytes.allSatisfy { $0 == 0 } ? [] : bytes)
      }
      return try writer.complete()
    } catch {
      throw SnapshotError(path: path, reason: .unwritable(error.description.lowercased()))
    }
  }

  private func coded(_ write: (inout PacketWriter) -> Void) -> [UInt8] {
    var writer = PacketWriter()
    write(&writer)
    return writer.bytes
  }

  /// Reads a file that `save` has written, and takes any other.
  package init(opening path: String) throws(SnapshotError) {
    let reader = try SnapshotReader(opening: path)
    func read<Value>(
      _ kind: SnapshotSection.Kind, _ read: (inout PacketReader) -> Value?
    ) throws(SnapshotError) -> Value {
      var packet = try reader.contents(of: kind)
      guard let value = read(&packet), packet.isAtEnd else {
        throw reader.damaged("a part of it is not what heaptap writes")
      }
      return value
    }
    let (origin, facts) = try read(.origin) { $0.origin() }
    let regions = try read(.regions) { $0.regions() }
    let threads = try read(.threads) { $0.threads() }
    var walk = try read(.heap) { $0.walk() }
    let arenaCount = walk.arenas.count
    walk.blocks = try read(.blocks) { $0.blocks(arenaCount: arenaCount) }
    walk.freeChunks = try read(.freeChunks) { $0.freeChunks(arenaCount: arenaCount) }
    let blockCount = walk.blocks.count
    let all = try read(.types) { $0.types() }
    let numbers = try read(.typeNumbers) { $0.typeNumbers(count: blockCount, below: all.count) }
    try reader.fillMemory(of: regions)
    self.origin = origin
    image = ProcessImage(
      pid: facts.pid, regions: regions, threads: threads, pause: facts.pause,
      unreadablePageCount: facts.unreadablePageCount, residentByteCount: facts.residentByteCount)
    self.walk = walk
    types = BlockTypes(all: all, numbers: numbers)
    modules = try read(.modules) { $0.modules(in: regions.map(\.mapping)) }
  }
}

extension ProcessImage {
  /// What was copied, cut at multiples of a limit, which is one of pages.
  fileprivate func pieces(of limit: UInt64) -> [Range<UInt64>] {
    regions.filter(\.isCopied).flatMap(\.copiedRuns).flatMap { $0.pieces(of: limit) }
  }

  /// The bytes of a piece, which lies in one region.
  fileprivate func bytes(of piece: Range<UInt64>) -> [UInt8] {
    withBytes(of: piece) { bytes in bytes.withUnsafeBytes { Array($0) } } ?? []
  }
}
