import LinuxSystem

/// Links that are closed together, by a thread each.
///
/// Closing one waits until no program can run any more, some 30 ms; those who wait at the same time wait once. Perf
/// uprobes wait one after another all the same, 0.1 s each: the kernel holds a lock meanwhile (perf_uprobe_destroy).
package final class BPFLinkGroup {
  private var links: [Box] = []

  package init() {}

  deinit { close() }

  package func add(_ link: consuming BPFLink) {
    links.append(Box(link))
  }

  /// Takes over the links of another group.
  package func add(contentsOf other: BPFLinkGroup) {
    links += other.links
    other.links = []
  }

  /// Closes all links and waits for the end of that.
  package func close() {
    let closing = links
    links = []
    let threads = closing.dropFirst().compactMap { link in
      let thread = try? OwnThread { link.close() }
      if thread == nil { link.close() }
      return thread
    }
    closing.first?.close()
    for thread in threads { thread.join() }
  }

  /// Arrays can't hold values with one owner.
  private final class Box {
    private var link: BPFLink?

    init(_ link: consuming BPFLink) { self.link = consume link }

    func close() { link = nil }
  }
}
