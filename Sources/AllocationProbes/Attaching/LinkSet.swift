import BPFRuntime

/// The links that observe one file, whatever their kind.
final class LinkSet {
  private let links = BPFLinkGroup()

  private init() {}

  /// Closes the links of several files at once.
  static func close(_ sets: [LinkSet]) {
    let all = BPFLinkGroup()
    for set in sets { all.add(contentsOf: set.links) }
    all.close()
  }

  /// Attaches entry programs, and return programs where `returnTargets` says so.
  ///
  /// - Parameters:
  ///   - entryProgram: with a session, the program of both halves.
  ///   - returnProgram: not used by sessions.
  ///   - pid: only this process; nil for all.
  static func attaching(
    _ kind: UprobeLinkKind, object: borrowing BPFObject, entryProgram: String,
    returnProgram: String? = nil, path: String, targets: [UprobeTarget],
    returnTargets: [UprobeTarget] = [], pid: Int32?
  ) throws(BPFError) -> LinkSet {
    let set = LinkSet()
    switch kind {
    case .session, .multi:
      // Returns first: a call must not be entered whose return would be missed.
      if kind == .multi, let returnProgram, !returnTargets.isEmpty {
        set.links.add(
          try .multi(
            kind, program: object.programDescriptor(returnProgram), path: path,
            targets: returnTargets, isReturn: true, pid: pid ?? 0))
      }
      set.links.add(
        try .multi(
          kind, program: object.programDescriptor(entryProgram), path: path, targets: targets,
          isReturn: false, pid: pid ?? 0))
    case .perf:
      if let returnProgram {
        for target in returnTargets {
          set.links.add(
            try object.attachPerfUprobe(
              returnProgram, path: path, offset: target.fileOffset, isReturn: true, pid: pid ?? -1,
              cookie: target.cookie))
        }
      }
      for target in targets {
        set.links.add(
          try object.attachPerfUprobe(
            entryProgram, path: path, offset: target.fileOffset, isReturn: false, pid: pid ?? -1,
            cookie: target.cookie))
      }
    }
    return set
  }
}
