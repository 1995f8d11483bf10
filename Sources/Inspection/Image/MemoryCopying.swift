import Dispatch
import LinuxSystem
import Synchronization
import SystemPackage

/// The ranges to copy from a stopped process, and how that went.
struct MemoryCopying {
  private struct Slice {
    var address: UInt64
    var memory: ReservedMemory
    var target: Range<Int>
  }

  private struct Progress {
    var next = 0
    var copied: UInt64 = 0
    var unreadablePages = 0
    var isLate = false
    var failure: StopError?
  }

  /// One copying step, bytes: short enough to keep to a deadline.
  private static let sliceByteCount: UInt64 = 4 << 20

  private var slices: [Slice] = []
  private(set) var wantedByteCount: UInt64 = 0
  private(set) var copiedByteCount: UInt64 = 0
  private(set) var unreadablePageCount = 0
  /// The deadline passed before all was copied.
  private(set) var isLate = false
  private(set) var failure: StopError?

  /// Adds a run of pages of the mapping that begins at `start`, which is copied to the start of `memory`.
  mutating func add(_ run: Range<UInt64>, to memory: ReservedMemory, mappedAt start: UInt64) {
    for piece in run.pieces(of: Self.sliceByteCount) {
      let target = Int(piece.lowerBound - start)..<Int(piece.upperBound - start)
      slices.append(Slice(address: piece.lowerBound, memory: memory, target: target))
    }
    wantedByteCount += run.upperBound - run.lowerBound
  }

  /// Copies; no two slices overlap, so that threads can share them.
  mutating func run(pid: Int32, until deadline: ContinuousClock.Instant) {
    let slices = slices
    let progress = Mutex(Progress())
    DispatchQueue.concurrentPerform(iterations: SharedWork.threadCount) { _ in
      while true {
        let index: Int? = progress.withLock { progress in
          if ContinuousClock.now >= deadline { progress.isLate = progress.next < slices.count }
          guard progress.next < slices.count, !progress.isLate, progress.failure == nil else {
            return nil
          }
          progress.next += 1
          return progress.next - 1
        }
        guard let index else { return }
        let (copied, unreadable, failure) = Self.copy(slices[index], from: pid)
        progress.withLock { progress in
          progress.copied += copied
          progress.unreadablePages += unreadable
          if let failure { progress.failure = failure }
        }
      }
    }
    progress.withLock { progress in
      copiedByteCount = progress.copied
      unreadablePageCount = progress.unreadablePages
      isLate = progress.isLate
      failure = progress.failure
    }
  }

  /// Pages that can't be read, such as those behind the end of a file, are stepped over.
  private static func copy(_ slice: Slice, from pid: Int32) -> (UInt64, Int, StopError?) {
    let page = Int(PagePresence.pageByteCount)
    var offset = 0
    var copied: UInt64 = 0
    var unreadable = 0
    while offset < slice.target.count {
      let target = slice.target.lowerBound + offset..<slice.target.upperBound
      do throws(Errno) {
        let count = try slice.memory.copy(
          from: pid, at: slice.address + UInt64(offset), to: target)
        copied += UInt64(count)
        offset += count
        guard offset < slice.target.count else { break }
      } catch {
        if error == .noSuchProcess { return (copied, unreadable, .vanished) }
        if error == .notPermitted { return (copied, unreadable, .notPermitted) }
      }
      unreadable += 1
      offset += page - offset % page
    }
    return (copied, unreadable, nil)
  }
}
