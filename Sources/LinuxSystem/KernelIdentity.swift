import Glibc

/// Which kernel runs, and as whom.
package enum KernelIdentity {
  /// Release and machine, as in "6.1.0-21-amd64 x86_64". The corresponding C function is `uname`.
  package static var release: String {
    var name = utsname()
    guard uname(&name) == 0 else { return "unknown" }
    return "\(text(name.release)) \(text(name.machine))"
  }

  /// The machine's own name. The corresponding C function is `uname`.
  package static var hostName: String {
    var name = utsname()
    guard uname(&name) == 0 else { return "unknown" }
    return text(name.nodename)
  }

  private static func text<Field>(_ field: Field) -> String {
    withUnsafeBytes(of: field) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
  }

  package static var isRoot: Bool { geteuid() == 0 }

  /// Whether the kernel describes its own types, which the programs need to find their way in them.
  package static var hasTypeInformation: Bool { access("/sys/kernel/btf/vmlinux", R_OK) == 0 }
}
