import Foundation

/// The programs of `Tests/Workloads` and what they tell of themselves.
package enum Workload {
  /// `HEAPTAP_WORKLOADS`, or else the build folder of the sources, brought up to date once.
  private static let folder: Result<String, TestSupportError> = {
    if let path = ProcessInfo.processInfo.environment["HEAPTAP_WORKLOADS"] {
      return .success(path)
    }
    let sources = URL(filePath: #filePath).deletingLastPathComponent()
      .deletingLastPathComponent().appending(path: "Workloads").path()
    let script = Process()
    script.executableURL = URL(filePath: "\(sources)/build.sh")
    script.arguments = ["\(sources)/build"]
    do { try script.run() } catch { return .failure(TestSupportError("build.sh: \(error)")) }
    script.waitUntilExit()
    guard script.terminationStatus == 0 else {
      return .failure(TestSupportError("Tests/Workloads/build.sh failed"))
    }
    return .success("\(sources)/build")
  }()

  package static func path(_ name: String) throws -> String { "\(try folder.get())/\(name)" }

  /// The `key value` lines of a workload's output; the last line of a key counts.
  package static func truth(in output: String) -> [String: UInt64] {
    var truth: [String: UInt64] = [:]
    for line in output.split(separator: "\n") {
      let words = line.split(separator: " ")
      if words.count == 2, let value = UInt64(words[1]) { truth[String(words[0])] = value }
    }
    return truth
  }
}
