package import Processes

/// The file in which a process has glibc's malloc, and what is needed of it.
package struct GlibcModule: Sendable {
  package let layout: GlibcLayout
  /// Addresses of its writable data, `.bss` included; ascending.
  let dataRanges: [Range<UInt64>]
  /// Where `mp_` is, by its initial value in the file; nil where that is not unique.
  let parameters: UInt64?

  package init(layout: GlibcLayout, dataRanges: [Range<UInt64>], parameters: UInt64?) {
    self.layout = layout
    self.dataRanges = dataRanges
    self.parameters = parameters
  }

  /// Looks among the mappings of a process for libc, and else in its executable, which may have it inside.
  ///
  /// - Throws: `InspectionError` if there is none, or none of a known version.
  package static func find(
    in process: ProcessDirectory, mappings: [MemoryMapping]
  ) throws(InspectionError) -> GlibcModule {
    let candidates = [mappings.first { isLibrary($0.path) }, mappings.first { $0.isFile }]
    var detail = "it has no C library of its own that heaptap knows"
    for case let first? in candidates {
      let file: [UInt8]
      do throws(ProcessError) {
        let opened = try process.openFile(of: first)
        file = try opened.read(at: 0, count: fileLimit)
      } catch {
        throw .unreadable(error)
      }
      guard let version = version(in: file) else { continue }
      guard let layout = GlibcLayout(version) else {
        detail = "its C library is glibc \(version)"
        continue
      }
      return GlibcModule(layout: layout, file: file, first: first, mappings: mappings)
    }
    throw .unknownAllocator(pid: process.pid, detail: detail)
  }

  /// No libc is larger, bytes.
  private static let fileLimit = 64 << 20

  private init(
    layout: GlibcLayout, file: [UInt8], first: MemoryMapping, mappings: [MemoryMapping]
  ) {
    self.layout = layout
    var ranges: [Range<UInt64>] = []
    var parameters: [UInt64] = []
    for mapping in mappings where mapping.permissions.contains(.write) {
      let range = mapping.start..<mapping.end
      if mapping.inode == first.inode, mapping.path == first.path {
        ranges.append(range)
        let start = Int(clamping: mapping.fileOffset)
        let end = min(file.count, start + Int(mapping.byteCount))
        guard start < end else { continue }
        for offset in Self.positions(of: Self.initialParameters, in: file[start..<end]) {
          parameters.append(mapping.start + UInt64(offset - start))
        }
      } else if !mapping.isFile, mapping.path == nil, let last = ranges.last,
        last.upperBound == mapping.start
      {
        // Zeroed data goes on behind the file's.
        ranges.append(range)
      }
    }
    dataRanges = ranges
    self.parameters = parameters.count == 1 ? parameters[0] : nil
  }

  /// `libc.so.6` of any distribution, or `libc-2.31.so`.
  private static func isLibrary(_ path: String?) -> Bool {
    guard let name = path?.split(separator: "/").last else { return false }
    return name == "libc.so.6" || name.hasPrefix("libc-2.") && name.hasSuffix(".so")
  }

  /// How `mp_` begins (malloc.c): trim_threshold, top_pad and mmap_threshold of 128 KiB, and arena_test.
  private static let initialParameters: [UInt8] = [131_072, 131_072, 131_072, 8].flatMap {
    (value: UInt64) in withUnsafeBytes(of: value.littleEndian) { Array($0) }
  }

  /// From the banner that `libc.so.6` prints when it is run, csu/version.c.
  static func version(in file: [UInt8]) -> GlibcLayout.Version? {
    for start in positions(of: Array("GNU C Library ".utf8), in: file[...], alignment: 1) {
      let text = String(decoding: file[start..<min(start + 200, file.count)], as: UTF8.self)
      guard let found = text.firstRange(of: "release version ") else { continue }
      let numbers = text[found.upperBound...].split(separator: ".", maxSplits: 2)
        .map { $0.prefix { $0.isNumber } }
      guard numbers.count >= 2, let major = Int(numbers[0]), let minor = Int(numbers[1])
      else { continue }
      return GlibcLayout.Version(major, minor)
    }
    return nil
  }

  private static func positions(
    of pattern: [UInt8], in bytes: ArraySlice<UInt8>, alignment: Int = 8
  ) -> [Int] {
    var found: [Int] = []
    bytes.withUnsafeBytes { bytes in
      var offset = 0
      while offset + pattern.count <= bytes.count {
        if bytes[offset] == pattern[0],
          bytes[offset..<offset + pattern.count].elementsEqual(pattern)
        {
          found.append(offset)
        }
        offset += alignment
      }
    }
    return found.map { $0 + bytes.startIndex }
  }
}
