import Foundation
import TestSupport
import Testing

extension KernelTests {
  /// `--save` and `--snapshot`: a file in place of a process.
  @Suite struct Snapshots {
    @Test(arguments: [
      ["heap"], ["types", "--json"], ["types"], ["leaks"], ["leaks", "--json"],
      ["refs", "--holders"], ["blocks", "--json"],
    ])
    func `a file says what was said of the process`(command: [String]) async throws {
      let files = try ScratchDirectory()
      let live: ProgramResult
      do {
        let server = try RunningProgram([try Workload.path("server")])
        try await Task.sleep(for: .milliseconds(300))
        live = try await HeaptapCommand.run(
          command + ["--pid", "\(server.pid)", "--save", files.path("saved")])
        #expect(live.end == .status(0), "\(live.errors)")
        #expect(live.errors.contains("heaptap: saved to \(files.path("saved")), "))
        #expect(live.errors.contains(", without what its memory contains\n"))
      }
      let saved = try await HeaptapCommand.run(command + ["--snapshot", files.path("saved")])
      #expect(saved.end == .status(0), "\(saved.errors)")
      #expect(saved.output == live.output)
      #expect(
        try saved.errors.contains(
          Regex("heaptap: .* is of process \\d+ \\(server\\) at .*Z, without contents\n")))
      #expect(saved.errors.contains("checks of the heap hold\n"))
    }

    @Test func `what can't be saved or read is said, and nothing is stopped`() async throws {
      let server = try RunningProgram([try Workload.path("server")])
      let unwritable = try await HeaptapCommand.run([
        "types", "--pid", "\(server.pid)", "--save", "/nowhere/saved",
      ])
      #expect(unwritable.end == .status(2))
      #expect(
        unwritable.errors
          == "heaptap: cannot save the snapshot to /nowhere/saved: no such file or directory; name a file in a writable folder with room\n"
      )
      let foreign = try await HeaptapCommand.run(["leaks", "--snapshot", "/etc/passwd"])
      #expect(foreign.end == .status(2))
      #expect(
        foreign.errors
          == "heaptap: cannot read the snapshot /etc/passwd: it is none; name a file that was written with --save\n"
      )
      let both = try await HeaptapCommand.run(["heap", "--snapshot", "x", "--pid", "1"])
      #expect(both.end == .status(2))
      #expect(both.errors.contains("give either --pid or --snapshot"), "\(both.errors)")
    }
  }
}
