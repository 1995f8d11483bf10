import CElfutils

/// A compilation unit: lines of its own, and functions of its own or in a `.dwo` file.
struct DebugUnit {
  /// Entry of the unit in the module's own debug information.
  private let entry: DebugEntry
  /// Root of the tree that has the functions.
  private let root: DebugEntry
  /// What is added to an address of the unit to get one of the module.
  private let bias: UInt64

  init(_ entry: DebugEntry, bias: UInt64) {
    self.entry = entry
    self.bias = bias
    var part = Dwarf_Die()
    // DWARF 5, section 3.1.2, "Skeleton Compilation Unit Entries".
    if dwarf_cu_info(entry.die.cu, nil, nil, nil, &part, nil, nil, nil) == 0, part.cu != nil {
      root = DebugEntry(part)
    } else {
      root = entry
    }
  }

  /// The calls at an address of the module, innermost first.
  func calls(
    at address: UInt64, functions: inout FunctionIndexCache, naming: FunctionNaming
  ) -> [SourceCall] {
    let own = address &- bias
    let path = functions.function(at: own, in: root).map { Self.merged(into: $0, at: own) } ?? []
    var (file, line) = location(at: own)
    var calls: [SourceCall] = []
    for entry in path.reversed() {
      let isInlined = entry.tag == DW_TAG_inlined_subroutine
      let (name, linkageName) = (entry.name, entry.linkageName)
      calls.append(
        SourceCall(
          function: isInlined
            ? naming.inlined(name, linkageName: linkageName)
            : naming.physical(name, linkageName: linkageName),
          file: file, line: line))
      if isInlined { (file, line) = callSite(of: entry) }
    }
    if calls.isEmpty {
      calls = [
        SourceCall(function: naming.physical(nil, linkageName: nil), file: file, line: line)
      ]
    }
    return calls
  }

  /// The function and what was merged into it at an address, outermost first.
  private static func merged(into function: DebugEntry, at address: UInt64) -> [DebugEntry] {
    var path = [function]
    var current: DebugEntry? = function
    for _ in 0..<depthLimit {
      guard let parent = current else { break }
      current = nil
      parent.forEachChild { child in
        let tag = child.tag
        guard tag == DW_TAG_inlined_subroutine || blockTags.contains(tag), child.contains(address)
        else { return true }
        if tag == DW_TAG_inlined_subroutine { path.append(child) }
        current = child
        return false
      }
    }
    return path
  }

  private static let depthLimit = 512
  private static let blockTags: Set<Int32> = [
    Int32(DW_TAG_lexical_block), Int32(DW_TAG_try_block), Int32(DW_TAG_catch_block),
  ]

  private func location(at address: UInt64) -> (file: String?, line: Int?) {
    var die = entry.die
    guard let line = dwarf_getsrc_die(&die, address) else { return (nil, nil) }
    var number: Int32 = 0
    dwarf_lineno(line, &number)
    let file = dwarf_linesrc(line, nil, nil).map { absolute(String(cString: $0)) }
    return (file, number > 0 ? Int(number) : nil)
  }

  /// Where a merged call stood in its caller.
  private func callSite(of entry: DebugEntry) -> (file: String?, line: Int?) {
    let line = entry.number(Int(DW_AT_call_line)).flatMap(Int.init(exactly:)) ?? 0
    var files: OpaquePointer?
    var count = 0
    var die = root.die
    guard let index = entry.number(Int(DW_AT_call_file)).flatMap(Int.init(exactly:)),
      dwarf_getsrcfiles(&die, &files, &count) == 0, index < count,
      let file = dwarf_filesrc(files, index, nil, nil)
    else { return (nil, line > 0 ? line : nil) }
    return (absolute(String(cString: file)), line > 0 ? line : nil)
  }

  private func absolute(_ path: String) -> String {
    guard !path.hasPrefix("/"), let folder = entry.compilationFolder else {
      return path.withoutDetours
    }
    return "\(folder)/\(path)".withoutDetours
  }
}

extension String {
  /// The path without `folder/..` and `/./` in it; what the compiler's build system wrote, not what a link would mean.
  fileprivate var withoutDetours: String {
    guard contains("/.") else { return self }
    var parts: [Substring] = []
    for part in split(separator: "/", omittingEmptySubsequences: true) {
      switch part {
      case ".." where parts.last.map { $0 != ".." && $0 != "." } ?? false: parts.removeLast()
      case "." where !parts.isEmpty || hasPrefix("/"): continue
      default: parts.append(part)
      }
    }
    return (hasPrefix("/") ? "/" : "") + parts.joined(separator: "/")
  }
}
