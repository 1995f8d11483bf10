import CLibBPF
import Glibc

/// A map of a loaded object, which owns it.
package struct BPFMap {
  private let map: OpaquePointer
  package let name: String

  init(map: OpaquePointer, name: String) {
    self.map = map
    self.name = name
  }

  package var descriptor: Int32 { bpf_map__fd(map) }
  package var capacity: Int { Int(bpf_map__max_entries(map)) }
  /// Bytes of one value.
  package var valueSize: Int { Int(bpf_map__value_size(map)) }

  /// Sets a value. The corresponding C function is `bpf_map_update_elem`.
  package func update<Key: BitwiseCopyable, Value: BitwiseCopyable>(key: Key, value: Value)
    throws(BPFError)
  {
    let result = withUnsafeBytes(of: key) { key in
      withUnsafeBytes(of: value) { value in
        bpf_map_update_elem(descriptor, key.baseAddress, value.baseAddress, UInt64(BPF_ANY))
      }
    }
    guard result == 0 else { throw BPFError(attempt: "write to map \(name)", code: errno) }
  }

  /// Sets a value unless the key has one. True: it had none. The corresponding C function is `bpf_map_update_elem`.
  package func insert<Key: BitwiseCopyable, Value: BitwiseCopyable>(key: Key, value: Value)
    throws(BPFError) -> Bool
  {
    let result = withUnsafeBytes(of: key) { key in
      withUnsafeBytes(of: value) { value in
        bpf_map_update_elem(descriptor, key.baseAddress, value.baseAddress, UInt64(BPF_NOEXIST))
      }
    }
    if result == 0 { return true }
    guard errno == EEXIST else { throw BPFError(attempt: "write to map \(name)", code: errno) }
    return false
  }

  /// The value of a key, nil without one. The corresponding C function is `bpf_map_lookup_elem`.
  package func value<Key: BitwiseCopyable>(of key: Key) -> UInt32? {
    var value: UInt32 = 0
    let result = withUnsafeBytes(of: key) {
      bpf_map_lookup_elem(descriptor, $0.baseAddress, &value)
    }
    return result == 0 ? value : nil
  }

  /// Adds a value to a queue; false if it is full. The corresponding C function is `bpf_map_update_elem`.
  @discardableResult
  package func push(_ value: UInt32) -> Bool {
    withUnsafeBytes(of: value) {
      bpf_map_update_elem(descriptor, nil, $0.baseAddress, UInt64(BPF_ANY))
    } == 0
  }

  /// Takes a value from a queue, nil if it is empty. The corresponding C function is `bpf_map_lookup_and_delete_elem`.
  package func pop() -> UInt32? {
    var value: UInt32 = 0
    return bpf_map_lookup_and_delete_elem(descriptor, nil, &value) == 0 ? value : nil
  }

  /// Sets several values at once: a map of maps waits for running programs after each change, 10 to 15 ms, and so but
  /// once. The corresponding C function is `bpf_map_update_batch`.
  package func update<Key: BitwiseCopyable, Value: BitwiseCopyable>(
    keys: [Key], values: [Value]
  ) throws(BPFError) {
    guard keys.count > 1 else {
      if let key = keys.first, let value = values.first { try update(key: key, value: value) }
      return
    }
    var count = UInt32(keys.count)
    let result = keys.withUnsafeBytes { keys in
      values.withUnsafeBytes { values in
        bpf_map_update_batch(descriptor, keys.baseAddress, values.baseAddress, &count, nil)
      }
    }
    guard result == 0 else { throw BPFError(attempt: "write to map \(name)", code: errno) }
  }

  /// Removes a key; one that isn't there is no error.
  package func remove<Key: BitwiseCopyable>(key: Key) {
    _ = withUnsafeBytes(of: key) { bpf_map_delete_elem(descriptor, $0.baseAddress) }
  }
}

/// The memory of an array map, shared with the kernel programs: reading it needs no system call.
///
/// Values change while they are read. Each aligned word is whole; several words are not.
package struct MappedArray: ~Copyable {
  private let memory: UnsafeMutableRawPointer
  private let byteCount: Int
  package let count: Int
  package let stride: Int

  /// Maps all of an array map made with `BPF_F_MMAPABLE`.
  package init(_ map: BPFMap, writable: Bool = false) throws(BPFError) {
    let stride = (map.valueSize + 7) & ~7
    let page = Int(sysconf(Int32(_SC_PAGESIZE)))
    let byteCount = (stride * map.capacity + page - 1) & ~(page - 1)
    let protection = writable ? PROT_READ | PROT_WRITE : PROT_READ
    let memory = mmap(nil, byteCount, protection, MAP_SHARED, map.descriptor, 0)
    guard let memory, memory != MAP_FAILED else {
      throw BPFError(attempt: "map the memory of \(map.name)", code: errno)
    }
    self.memory = memory
    self.byteCount = byteCount
    self.stride = stride
    count = map.capacity
  }

  deinit {
    munmap(memory, byteCount)
  }

  /// A copy of the entry at an index in 0..<count.
  @inlinable
  package func load<T: BitwiseCopyable>(_ index: Int, as type: T.Type) -> T {
    bytes(at: index).load(as: type)
  }

  /// The memory of one entry.
  package func bytes(at index: Int) -> UnsafeRawPointer {
    precondition(index >= 0 && index < count)
    return UnsafeRawPointer(memory + index * stride)
  }

  /// The memory of one entry of an array that was mapped writable.
  package func mutableBytes(at index: Int) -> UnsafeMutableRawPointer {
    precondition(index >= 0 && index < count)
    return memory + index * stride
  }

  /// The memory of all entries.
  package var bytes: UnsafeRawBufferPointer {
    UnsafeRawBufferPointer(start: memory, count: stride * count)
  }
}
