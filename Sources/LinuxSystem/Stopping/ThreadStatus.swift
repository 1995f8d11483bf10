/// Reads `/proc/TID/status` of any thread (proc_pid_status(5)).
package enum ThreadStatus {
  /// By field name, without spaces around the values; empty for a thread that is gone.
  package static func fields(of tid: Int32) -> [String: String] {
    guard let text = try? WholeFile.contents(of: "/proc/\(tid)/status", limit: 1 << 16) else {
      return [:]
    }
    var fields: [String: String] = [:]
    for line in String(decoding: text, as: UTF8.self).split(separator: "\n") {
      let parts = line.split(separator: ":", maxSplits: 1)
      guard parts.count == 2 else { continue }
      fields[String(parts[0])] = String(parts[1].drop { $0 == "\t" || $0 == " " })
    }
    return fields
  }
}
