import CLinux

/// How this process itself uses memory.
package enum MemoryPolicy {
  /// Limits the number of malloc arenas. The corresponding C function is `mallopt`.
  package static func limitArenas(to count: Int32) {
    linux_limit_malloc_arenas(count)
  }
}
