import AllocationModel
import AllocationProbes
import Executables
package import Inspection
import LinuxSystem
import Processes
import SystemPackage

/// Looks at the heap of a command when it ends, before its memory is gone.
package final class ExitInspector {
  /// Seconds for which a command may be held at its end for the copying.
  private static let maximumPause = 600.0

  private let session: ProbeSession
  private var hold: ExitHold<Result<HeapLosses, InspectionError>>?
  /// Why there is no hold.
  private var obstacle: String?

  /// - Parameter observation: in which the command is.
  package init(_ observation: Observation) {
    session = observation.session
  }

  /// Lets a command go on that has just been started; see its `ending` if it has ended by then.
  func follow(_ command: inout TracedCommand) {
    let (pid, session) = (command.pid, session)
    do throws(Errno) {
      hold = try ExitHold(&command) { threads in
        Result { () throws(InspectionError) in try Self.inspect(pid, threads, session) }
      }
    } catch {
      obstacle = "it can't be traced: \(error.description.lowercased())"
    }
  }

  /// What became of the blocks of the command, which has ended; once.
  package func losses() -> Result<HeapLosses, Obstacle> {
    guard let hold else { return .failure(Obstacle(sentence: obstacle ?? "it ended too early")) }
    switch hold.outcome() {
    case .looked(.success(let losses)): return .success(losses)
    case .looked(.failure(let error)): return .failure(Obstacle(sentence: "\(error)"))
    case .killed: return .failure(Obstacle(sentence: "a signal killed it"))
    case .missed(let error):
      return .failure(Obstacle(sentence: "it did not stand still at its end: \(error)"))
    }
  }

  /// Why nothing is known of references, as a sentence without a full stop.
  package struct Obstacle: Error, Hashable, Sendable {
    package var sentence: String
  }

  /// The command is held all the while: its files are read through it, and its blocks stay what they are. Of the session
  /// only that is used which any thread may: tables that the kernel writes.
  private static func inspect(
    _ pid: Int32, _ threads: [StoppedThread], _ session: ProbeSession
  ) throws(InspectionError) -> HeapLosses {
    let copier = try ImageCopier(pid: pid, maximumPause: .seconds(maximumPause))
    let image = try copier.copy(holding: threads)
    let names = NameReader(reader: .thisProgram)
    let slot = session.slot(ofPid: pid)
    // An event that was lost may have been a block, and that one a holder.
    let isComplete =
      session.readUnattributedLosses().total == 0
      && slot.map { session.readProcess($0).lost.total == 0 } ?? false
    let walk = try image.walkHeap(isComplete: isComplete) {
      slot.map { session.tracedBlocks(of: $0) } ?? []
    }
    return HeapLosses(
      of: HeapSurvey(of: image, walk, in: ProcessDirectory(pid: pid), names: names.names))
  }
}
