import AllocationModel
import ArgumentParser
import BPFRuntime
import Glibc
import Inspection
import LinuxSystem
import Monitoring
import Processes
import Recording
import Serving
import SystemPackage
import WebService

/// The command line: subcommands, one file each.
@main
struct HeaptapCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "heaptap",
    abstract: "Watches the heap of running processes: what grows, and which code allocates it.",
    discussion: """
      heaptap attaches to a process that is already running, without a restart and without code \
      inside it, and removes every trace of itself when it ends.

      Exit status: 0 done; 1 a leak was found and that was asked for; 2 usage; 3 not permitted or \
      not supported here; 4 the target is gone or can't be observed.
      """,
    version: "0.1.0",
    subcommands: [
      WatchCommand.self, RunCommand.self, HeapCommand.self, BlocksCommand.self, TypesCommand.self,
      LeaksCommand.self, RefsCommand.self, WhereCommand.self, ServeCommand.self,
      DoctorCommand.self,
      VerifyCommand.self, ResolveWorkerCommand.self,
    ])

  static func main() {
    do {
      var command = try parseAsRoot()
      try command.run()
    } catch {
      Failure(error).exit()
    }
  }
}

/// What a failed command says and returns.
struct Failure {
  var message: String
  var status: Int32

  init(_ error: any Error) {
    switch error {
    case let error as ObservationError:
      self.init(message: error.description, status: error.kind.rawValue)
    case let error as BPFError:
      // The target may end between two steps of attaching.
      self.init(message: error.description, status: error.code == ESRCH ? 4 : 3)
    case let error as Errno:
      self.init(message: "cannot go on: \(error.description.lowercased())", status: 3)
    case let error as ProcessError where error.reason == .notPermitted:
      self.init(message: error.description, status: 3)
    case let error as ProcessError:
      self.init(message: error.description, status: 4)
    case let error as InspectionError:
      self.init(message: error.description, status: error.isRefusal ? 3 : 4)
    case let error as SnapshotError:
      self.init(message: error.description, status: error.status)
    case let error as ConfigurationError:
      self.init(message: error.description, status: 2)
    case let error as HistoryError:
      self.init(message: error.description, status: 3)
    case let error as WebServerError:
      self.init(message: error.description, status: 3)
    case let error as CommandEnding:
      self.init(message: "", status: error.status)
    default:
      self.init(parsing: error)
    }
  }

  private init(message: String, status: Int32) {
    self.message = message
    self.status = status
  }

  /// Help and version requests are errors to the argument parser, too.
  private init(parsing error: any Error) {
    let code = HeaptapCommand.exitCode(for: error)
    guard !code.isSuccess else {
      OutputStream.standardOutput.write(HeaptapCommand.fullMessage(for: error) + "\n")
      self.init(message: "", status: 0)
      return
    }
    self.init(message: HeaptapCommand.message(for: error) + "; see heaptap --help", status: 2)
  }

  func exit() -> Never {
    if !message.isEmpty { OutputStream.standardError.write("heaptap: \(message)\n") }
    Glibc.exit(status)
  }
}

/// Ends heaptap with the status of the command it ran.
struct CommandEnding: Error {
  var status: Int32
}
