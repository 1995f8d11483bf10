import Executables
package import Inspection
import LinuxSystem
import Processes
import SystemPackage

/// Looks at the heap of a command when it ends, before its memory is gone.
package final class ExitInspector {
  /// Seconds for which a command may be held at its end for the copying.
  private static let maximumPause = 600.0

  private var hold: ExitHold<Result<HeapLosses, InspectionError>>?
  /// Why there is no hold.
  private var obstacle: String?

  package init() {}

  /// Lets a command go on that has just been started; see its `ending` if it has ended by then.
  func follow(_ command: inout TracedCommand) {
    let pid = command.pid
    do throws(Errno) {
      hold = try ExitHold(&command) { threads in
        Result { () throws(InspectionError) in try Self.inspect(pid, threads) }
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

  /// The command is held all the while: its files are read through it.
  private static func inspect(
    _ pid: Int32, _ threads: [StoppedThread]
  ) throws(InspectionError) -> HeapLosses {
    let copier = try ImageCopier(pid: pid, maximumPause: .seconds(maximumPause))
    let image = try copier.copy(holding: threads)
    let names = NameReader(reader: .thisProgram)
    return HeapLosses(
      of: HeapSurvey(
        of: image, try image.walkHeap(), in: ProcessDirectory(pid: pid), names: names.names))
  }
}
