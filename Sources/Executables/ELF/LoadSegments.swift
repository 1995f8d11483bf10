/// The parts of an ELF file that are mapped into memory (`PT_LOAD`), and the way between the two.
package struct LoadSegments: Hashable, Sendable {
  package struct Segment: Hashable, Sendable {
    /// Bytes from the start of the file (`p_offset`).
    package var fileOffset: UInt64
    /// Bytes in the file (`p_filesz`); the rest of the segment is zero-filled memory.
    package var fileByteCount: UInt64
    /// Virtual address in the module (`p_vaddr`).
    package var address: UInt64
    package var isExecutable: Bool
    /// Bytes in memory (`p_memsz`); what the file does not have reads as zero at first.
    package var memoryByteCount: UInt64

    /// - Parameter memoryByteCount: nil: as many as in the file.
    package init(
      fileOffset: UInt64,
      fileByteCount: UInt64,
      address: UInt64,
      isExecutable: Bool,
      memoryByteCount: UInt64? = nil
    ) {
      self.fileOffset = fileOffset
      self.fileByteCount = fileByteCount
      self.address = address
      self.isExecutable = isExecutable
      self.memoryByteCount = memoryByteCount ?? fileByteCount
    }
  }

  package var segments: [Segment]

  package init(_ segments: [Segment]) {
    self.segments = segments
  }

  /// First page and end of what the module takes of the address space; nil for none.
  package var span: Range<UInt64>? {
    guard let start = segments.map(\.address).min(),
      let end = segments.map({ $0.address &+ $0.memoryByteCount }).max(), start < end
    else { return nil }
    return start & ~4095..<end
  }

  /// The virtual address of a byte of the file, or nil where it isn't loaded.
  ///
  /// Pages at a border belong to two segments; the executable one is preferred, as addresses of code are
  /// asked for.
  package func address(ofFileOffset offset: UInt64) -> UInt64? {
    var found: UInt64?
    for segment in segments where offset >= segment.fileOffset {
      let distance = offset - segment.fileOffset
      guard distance < segment.fileByteCount else { continue }
      if segment.isExecutable { return segment.address &+ distance }
      found = found ?? segment.address &+ distance
    }
    return found
  }

  /// Where in the file the byte at a virtual address is; nil for addresses outside or zero-filled.
  package func fileOffset(ofAddress address: UInt64) -> UInt64? {
    fileRange(ofAddress: address)?.offset
  }

  /// Like `fileOffset`, with the number of bytes from there to the segment's end in the file, > 0.
  func fileRange(ofAddress address: UInt64) -> (offset: UInt64, byteCount: UInt64)? {
    for segment in segments where address >= segment.address {
      let distance = address - segment.address
      if distance < segment.fileByteCount {
        return (segment.fileOffset &+ distance, segment.fileByteCount - distance)
      }
    }
    return nil
  }
}
