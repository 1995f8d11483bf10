import ArgumentParser
import Executables
import LinuxSystem

/// `heaptap resolve-worker`: the process that reads debug information for another heaptap, which starts it.
struct ResolveWorkerCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "resolve-worker",
    abstract: "Read debug information for another heaptap.",
    shouldDisplay: false)

  func run() throws {
    let socket = OwnedDescriptor(owning: HelperProcess.socketDescriptor)
    var reader = try SourceReader(socket: PacketSocket(owning: socket))
    try reader.run()
  }
}
