import Processes
import Synchronization

/// Values by file, each made once, however many processes map the file; failures are remembered too.
///
/// What was not asked for longest goes first when the bound is passed, but the latest value always stays.
final class FileCache<Value: Sendable>: Sendable {
  private struct Entry {
    var result: Result<Value, ExecutableError>
    var byteCount: Int
    var lastUse: UInt64
  }

  private struct Contents {
    var entriesByFile: [FileIdentity: Entry] = [:]
    var byteCount = 0
    var uses: UInt64 = 0
  }

  /// What a failure, or any entry's bookkeeping, is taken to cost in bytes.
  private static var entryByteCount: Int { 256 }

  private let byteLimit: Int
  private let contents = Mutex(Contents())

  init(byteLimit: Int) {
    self.byteLimit = byteLimit
  }

  /// Bytes held now, roughly.
  var byteCount: Int { contents.withLock { $0.byteCount } }
  var count: Int { contents.withLock { $0.entriesByFile.count } }

  /// What is known of a file, or nil.
  func result(for file: FileIdentity) -> Result<Value, ExecutableError>? {
    contents.withLock { contents in
      contents.uses += 1
      contents.entriesByFile[file]?.lastUse = contents.uses
      return contents.entriesByFile[file]?.result
    }
  }

  /// Keeps a result whose value takes `byteCount` bytes.
  func insert(_ result: Result<Value, ExecutableError>, byteCount: Int, for file: FileIdentity) {
    contents.withLock { contents in
      let entry = Entry(
        result: result,
        byteCount: byteCount + Self.entryByteCount,
        lastUse: contents.uses
      )
      contents.byteCount += entry.byteCount
      if let replaced = contents.entriesByFile.updateValue(entry, forKey: file) {
        contents.byteCount -= replaced.byteCount
      }
      while contents.byteCount > byteLimit,
        let oldest = contents.entriesByFile.filter({ $0.key != file })
          .min(by: { $0.value.lastUse < $1.value.lastUse })
      {
        contents.byteCount -= oldest.value.byteCount
        contents.entriesByFile[oldest.key] = nil
      }
    }
  }
}
