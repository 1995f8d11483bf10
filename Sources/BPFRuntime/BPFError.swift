import Glibc

/// What the kernel or libbpf refused.
package struct BPFError: Error, CustomStringConvertible, Sendable {
  /// What was attempted, as in "load program allocation_call".
  package var attempt: String
  /// A positive errno value.
  package var code: Int32
  /// The last lines of the verifier's log, where there is one.
  package var log: String

  package init(attempt: String, code: Int32, log: String = "") {
    self.attempt = attempt
    self.code = code
    self.log = log
  }

  /// The kernel denies this user what others may do.
  package var isPermission: Bool { code == EPERM || code == EACCES && log.isEmpty }

  package var description: String {
    let advice =
      isPermission
      ? "; run as root or grant CAP_BPF, CAP_PERFMON, CAP_SYS_PTRACE and CAP_DAC_READ_SEARCH" : ""
    let detail = log.isEmpty ? "" : " (\(log))"
    return "cannot \(attempt): \(String(cString: strerror(code)).lowercasedFirst)\(detail)\(advice)"
  }
}

extension String {
  /// strerror(3) sentences begin with a capital letter; inside a sentence they don't.
  fileprivate var lowercasedFirst: String {
    prefix(1).lowercased() + dropFirst()
  }
}
