import CLibBPF
import Glibc

/// An array map made by user space, to be put into a map of maps. Closed with its owner.
package struct BPFArray: ~Copyable {
  private let descriptor: Int32

  private init(owning descriptor: Int32) {
    self.descriptor = descriptor
  }

  /// Creates an array of whole entries from their bytes.
  ///
  /// The map can stand in a map of maps whose template has the flags `BPF_F_MMAPABLE` and `BPF_F_INNER_MAP` and the
  /// same size of entries. The corresponding C function is `bpf_map_create`.
  ///
  /// - Parameter entryByteCount: > 0, divides `contents.count`.
  package static func creating(
    name: String, contents: UnsafeRawBufferPointer, entryByteCount: Int
  ) throws(BPFError) -> BPFArray {
    let count = contents.count / entryByteCount
    var options = bpf_map_create_opts()
    options.sz = MemoryLayout<bpf_map_create_opts>.size
    options.map_flags = UInt32(BPF_F_MMAPABLE | BPF_F_INNER_MAP)
    let created = bpf_map_create(
      BPF_MAP_TYPE_ARRAY, name, UInt32(MemoryLayout<UInt32>.size), UInt32(entryByteCount),
      UInt32(clamping: count), &options)
    guard created >= 0 else {
      throw BPFError(attempt: "create map \(name) of \(count) entries", code: errno)
    }
    let array = BPFArray(owning: created)
    let memory = mmap(nil, contents.count, PROT_READ | PROT_WRITE, MAP_SHARED, created, 0)
    guard let memory, memory != MAP_FAILED else {
      throw BPFError(attempt: "map the memory of \(name)", code: errno)
    }
    if let start = contents.baseAddress { memcpy(memory, start, contents.count) }
    munmap(memory, contents.count)
    return array
  }

  deinit {
    close(descriptor)
  }

  /// What a map of maps takes for it; valid as long as the array is.
  package var handle: UInt32 { UInt32(bitPattern: descriptor) }
}
