import Executables

/// The values that `pthread_setspecific(3)` stores for a thread: in its control block for the first 32 keys, in blocks
/// of their own for others.
///
/// libthread_db is told by glibc's own variable `_thread_db_pthread_specific` (nptl_db/db_info.c) where in the control
/// block the 32 pointers to groups of keys are: bits of all, 1, and offset, of four bytes each. An element of a group is
/// a sequence number and the value (`struct pthread_key_data`).
struct ThreadKeys {
  private static let groupCount = 32
  private static let groupByteCount: UInt64 = 512

  private let offset: UInt64

  /// Nil where no mapped C library says it.
  init?(_ modules: ModuleMap) {
    for module in modules.modules {
      guard let words = Self.descriptor(of: module, modules), words.count == 3,
        words[0] == 64 * UInt32(Self.groupCount)
      else { continue }
      offset = UInt64(words[2])
      return
    }
    return nil
  }

  /// The words of that variable in a module; nil where it has none.
  static func descriptor(of module: ModuleMap.Module, _ modules: ModuleMap) -> [UInt32]? {
    guard
      ["libc.so", "libpthread", "libc-2."].contains(where: { module.name.hasPrefix($0) })
    else { return nil }
    return modules.descriptor("_thread_db_pthread_specific", of: module)
  }

  /// The key whose value is at an address, of the thread whose pointer is given.
  func key(at address: UInt64, of pointer: UInt64, in image: ProcessImage) -> Int? {
    for number in 0..<Self.groupCount {
      guard let group = image.word(at: pointer &+ offset &+ UInt64(8 * number)), group != 0,
        address >= group, address - group < Self.groupByteCount
      else { continue }
      let distance = address - group
      return distance % 16 == 8 ? number * 32 + Int(distance / 16) : nil
    }
    return nil
  }
}
