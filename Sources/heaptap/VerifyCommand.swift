import AllocationProbes
import ArgumentParser
import BPFRuntime
import LinuxSystem

/// `heaptap verify`: passes every kernel program through the verifier of the running kernel.
struct VerifyCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "verify",
    abstract: "Load every kernel program and print its size.",
    shouldDisplay: false)

  func run() throws {
    for program in ProgramVerification.all() {
      let result = program.failure?.description ?? "ok"
      OutputStream.standardOutput.write("\(program.name) \(program.instructions) \(result)\n")
    }
  }
}
