import CElfutils
import ProbeABI

extension UnwindTable {
  /// Compiles what an ELF file says of its frames.
  ///
  /// Any bytes are accepted: what can't be read has no rows, and what no rule can say is `.unsupported`.
  package init(reading file: borrowing ELFFile) {
    let sections = file.callFrameSections()
    guard !sections.isEmpty else {
      self = .empty
      return
    }
    let code = file.segments.executableRanges
    self.init(FrameDescriptions(sections, code: code), code: code, entry: file.entryPoint)
  }

  private init(
    _ frames: FrameDescriptions,
    code: [Range<UInt64>],
    entry: UInt64?
  ) {
    guard let first = frames.descriptions.first?.start else {
      self = .empty
      return
    }
    let layout = Layout(first: first, code: code, entry: entry)
    var builder = UnwindTableBuilder(textStart: layout.textStart)
    var interpreter = FrameInterpreter()
    var covered = layout.textStart
    for (index, description) in frames.descriptions.enumerated() {
      guard description.start < layout.limit else { break }
      layout.fillGap(from: covered, to: description.start, &builder)
      // Where functions overlap, the later one is the more specific.
      let next = index + 1 < frames.descriptions.count ? frames.descriptions[index + 1].start : .max
      covered = min(description.end, next, layout.limit)
      if layout.isEntry(description, upTo: covered, of: frames) {
        builder.add(.end, at: UInt32(description.start - layout.textStart))
      } else {
        interpreter.run(
          description,
          of: frames,
          upTo: covered,
          textStart: layout.textStart,
          into: &builder
        )
      }
    }
    layout.fillGap(from: covered, to: layout.limit, &builder)
    self = builder.build()
  }
}

/// Where the table begins and ends, and what holds between functions that are described.
private struct Layout {
  /// Bytes that a process's first function may have without being described.
  private static let entryByteLimit: UInt64 = 128
  /// Bytes that linkers leave between functions so that these begin at multiples of 16.
  private static let paddingLimit: UInt64 = 15

  let textStart: UInt64
  /// Addresses that 32 bits can tell end here.
  let limit: UInt64
  /// Where the kernel or the dynamic loader starts the program; nil without such a place in the code.
  let entry: UInt64?

  init(first: UInt64, code: [Range<UInt64>], entry: UInt64?) {
    let reach: UInt64 = 1 << 32 - 1
    let isInCode = entry.map { entry in code.contains { $0.contains(entry) } } ?? false
    self.entry = isInCode ? entry : nil
    var lowest = first
    if let entry = self.entry, entry < first, first - entry < reach / 2 { lowest = entry }
    textStart = lowest & ~(1 << UInt64(UNWIND_PAGE_SHIFT) - 1)
    limit = textStart.addingReportingOverflow(reach).overflow ? .max : textStart + reach
  }

  /// Covers the addresses between two functions, or behind the last.
  func fillGap(from start: UInt64, to end: UInt64, _ builder: inout UnwindTableBuilder) {
    guard start < end else { return }
    if let entry, (start..<end).contains(entry) {
      if start < entry { builder.add(.none, at: UInt32(start - textStart)) }
      builder.add(.end, at: UInt32(entry - textStart))
      let behind = entry + min(Self.entryByteLimit, end - entry)
      if behind < end { builder.add(.none, at: UInt32(behind - textStart)) }
    } else if !isPadding(start, end) {
      builder.add(.none, at: UInt32(start - textStart))
    }
  }

  /// Padding needs no row: no return address less one lies in it.
  private func isPadding(_ start: UInt64, _ end: UInt64) -> Bool {
    let alignment: UInt64 = 1 << UInt64(end.trailingZeroBitCount)
    return end - start <= Self.paddingLimit && end - start < alignment
  }

  /// Whether a description says nothing, as those of the function that has no caller do.
  func isEntry(
    _ description: FrameDescription,
    upTo end: UInt64,
    of frames: FrameDescriptions
  ) -> Bool {
    guard let entry, (description.start..<end).contains(entry) else { return false }
    return frames.sections[Int(description.section)].bytes[description.instructions].allSatisfy {
      // DW_CFA_nop
      $0 == 0
    }
  }
}

extension LoadSegments {
  /// More than any linker makes.
  private static let executableLimit = 16

  fileprivate var executableRanges: [Range<UInt64>] {
    segments.filter(\.isExecutable).prefix(Self.executableLimit).compactMap { segment in
      let (end, overflows) = segment.address.addingReportingOverflow(segment.fileByteCount)
      return overflows || end == segment.address ? nil : segment.address..<end
    }
  }
}

extension ELFFile {
  /// Virtual address of the program's first instruction (`e_entry`); nil in libraries.
  fileprivate var entryPoint: UInt64? {
    handle.header.e_entry == 0 ? nil : handle.header.e_entry
  }
}
