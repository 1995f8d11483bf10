import CLibBPF
import CLinux
import Glibc
import LinuxSystem

/// A program attached somewhere, detached when the owner goes away or the process dies.
package struct BPFLink: ~Copyable {
  private enum Handle {
    case library(OpaquePointer)
    case descriptor(Int32)
  }

  private let handle: Handle

  /// Takes ownership of a `struct bpf_link`.
  init(link: OpaquePointer) {
    handle = .library(link)
  }

  /// Takes ownership of a link's descriptor.
  init(descriptor: Int32) {
    handle = .descriptor(descriptor)
  }

  deinit {
    switch handle {
    case .library(let link): bpf_link__destroy(link)
    case .descriptor(let descriptor): _ = Glibc.close(descriptor)
    }
  }
}

/// What kinds of uprobe links exist.
package enum UprobeLinkKind: String, CaseIterable, Sendable {
  /// One program for entry and return of many functions (Linux 6.13).
  case session
  /// One link for many instructions, entry and return apart (Linux 6.6).
  case multi
  /// One perf event per instruction.
  case perf

  /// The version of Linux that it came with, for people.
  package var firstKernel: String {
    switch self {
    case .session: "6.13"
    case .multi: "6.6"
    case .perf: "5.15"  // with an attach cookie
    }
  }

  /// The value a program must be loaded with to be attached this way.
  package var expectedAttachType: UInt32 {
    switch self {
    case .session: UInt32(LINUX_BPF_TRACE_UPROBE_SESSION)
    case .multi: UInt32(LINUX_BPF_TRACE_UPROBE_MULTI)
    case .perf: 0
    }
  }
}

/// One instruction of a file to attach to, with the number its program can ask for.
package struct UprobeTarget: Hashable, Sendable {
  /// Of the instruction in the file.
  package var fileOffset: UInt64
  package var cookie: UInt64

  package init(fileOffset: UInt64, cookie: UInt64) {
    self.fileOffset = fileOffset
    self.cookie = cookie
  }
}

extension BPFLink {
  /// Attaches a program to many instructions of one file at once.
  ///
  /// - Parameters:
  ///   - kind: `session` or `multi`; the program must have been loaded with that attach type.
  ///   - pid: only in this process; 0 for all.
  package static func multi(
    _ kind: UprobeLinkKind, program: Int32, path: String, targets: [UprobeTarget], isReturn: Bool,
    pid: Int32
  ) throws(BPFError) -> BPFLink {
    let offsets = targets.map(\.fileOffset)
    let cookies = targets.map(\.cookie)
    let descriptor = path.withCString { path in
      offsets.withUnsafeBufferPointer { offsets in
        cookies.withUnsafeBufferPointer { cookies -> Int32 in
          guard let first = offsets.baseAddress else {
            errno = EINVAL
            return -1
          }
          var request = linux_uprobe_multi(
            program: program, attach_type: kind.expectedAttachType, path: path, offsets: first,
            cookies: cookies.baseAddress, count: UInt32(targets.count), is_return: isReturn ? 1 : 0,
            pid: pid)
          return linux_uprobe_multi_link(&request)
        }
      }
    }
    guard descriptor >= 0 else {
      throw BPFError(attempt: "attach to \(targets.count) functions of \(path)", code: errno)
    }
    return BPFLink(descriptor: descriptor)
  }
}
