import AllocationModel
import AllocationProbes
import Executables
import Inspection
import LinuxSystem
import Processes

/// Stops a process for a moment, and finds out what became of blocks that suspects have allocated.
///
/// The process stands still for the copying only; the copy is looked at on a thread of its own.
final class SuspectInspector {
  struct Request: Sendable {
    var process: ProcessIdentity
    /// Blocks by site.
    var blocks: [SiteID: [UInt64]]
    /// Under which number tracing has all its blocks, and those that there were just now; nil where it does not see each
    /// one freed.
    var traced: (slot: ProcessSlot, blocks: [TracedBlock])?
  }

  struct Finding: Sendable {
    var process: ProcessIdentity
    /// Of blocks by site; the sites as they were asked for.
    var fates: [SiteID: BlockFate]
    /// Seconds for which it stood still.
    var pause: Double
  }

  /// Why there is nothing to find.
  struct Failure: Error {
    var process: ProcessIdentity
    var sentence: String
  }

  private let worker: BackgroundWorker<Request, Result<Finding, Failure>>

  var isBusy: Bool { worker.isBusy }
  /// Readable when `take` has something.
  var descriptor: Int32 { worker.descriptor }

  /// - Parameter maximumPause: seconds after which a process is let go, and one that would take longer is left alone.
  /// - Parameter session: of which only that is used which any thread may: the table of blocks, which the kernel writes.
  init?(maximumPause: Double, session: ProbeSession) {
    nonisolated(unsafe) let session = session
    let names = NameReader(reader: .thisProgram)
    do {
      worker = try BackgroundWorker { request in
        do {
          return .success(try Self.inspect(request, maximumPause, names, session))
        } catch {
          return .failure(Failure(process: request.process, sentence: "\(error)"))
        }
      }
    } catch {
      return nil
    }
  }

  func begin(_ request: Request) { worker.begin(request) }

  func take() -> Result<Finding, Failure>? { worker.take() }

  /// Those that there were before, and those that came meanwhile: the newest may be what holds the others. One that came
  /// after the process went on holds nothing, and nobody asks for its fate.
  private static func tracedBlocks(_ request: Request, _ session: ProbeSession) -> [TracedBlock] {
    guard let (slot, before) = request.traced else { return [] }
    let known = Set(before.lazy.map(\.address))
    return before + session.tracedBlocks(of: slot).filter { !known.contains($0.address) }
  }

  private static func inspect(
    _ request: Request, _ maximumPause: Double, _ names: NameReader, _ session: ProbeSession
  ) throws -> Finding {
    let pid = request.process.pid
    let directory = ProcessDirectory(pid: pid)
    let copier = try ImageCopier(pid: pid, maximumPause: .seconds(maximumPause))
    guard copier.expectedPause <= .seconds(maximumPause) else {
      throw InspectionError.pauseTooLong(
        pid: pid, limit: .seconds(maximumPause), copied: 0, wanted: copier.expectedByteCount)
    }
    let image = try copier.copy()
    // Another program may have the pid by now.
    guard try directory.status().identity == request.process else {
      throw ProcessError(action: "inspect process \(pid)", reason: .vanished)
    }
    let survey = HeapSurvey(
      of: image, try image.walkHeap { tracedBlocks(request, session) }, in: directory,
      names: names.names)
    let sites = Array(request.blocks)
    let fates = survey.fates(of: sites.map(\.value))
    return Finding(
      process: request.process,
      fates: Dictionary(uniqueKeysWithValues: zip(sites.map(\.key), fates)),
      pause: image.pause / .seconds(1))
  }
}
