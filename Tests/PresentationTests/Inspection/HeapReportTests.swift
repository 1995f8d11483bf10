import AllocationModel
import Presentation
import TestSupport
import Testing

@Suite struct HeapReportTests {
  @Test(arguments: [60, 100])
  func `a heap reads as recorded`(width: Int) {
    Golden("heap-\(width).txt").expect(HeapReport(width: width, maximumRows: 2).render(Self.sample))
  }

  @Test func `without the kernel's own sum there is no residue`() {
    var account = Self.sample
    account.residence.kernelBytes = nil
    let text = HeapReport(width: 80, maximumRows: 1).render(account)
    #expect(text.contains("the kernel was not asked for its own sum\n"))
  }

  private static var sample: HeapAccount {
    var account = HeapAccount(pid: 4711, allocator: "glibc 2.36")
    account.live = HeapAccount.Total(blocks: 34_567, bytes: 12 << 20)
    account.mapped = HeapAccount.Total(blocks: 2, bytes: 600 << 10)
    account.free.cached = 90 << 10
    account.free.fast = 2 << 10
    account.free.binned = 8 << 20
    account.free.top = 132 << 10
    account.free.largest = 1 << 20
    account.roundingLimit = 1_071_577
    account.arenas = (0..<3).map { index in
      var arena = HeapAccount.Arena(
        address: 0x7f12_3400_0030 + UInt64(index) << 26, isMain: index == 0,
        systemBytes: 7 << 20)
      arena.live = HeapAccount.Total(blocks: 11_000, bytes: 4 << 20)
      arena.free.binned = 2 << 20
      arena.free.top = 44 << 10
      arena.free.largest = 1 << 20
      return arena
    }
    account.classes = ([32, 4096] as [UInt64]).map { limit in
      var entry = HeapAccount.SizeClass(limit: limit)
      entry.live = HeapAccount.Total(blocks: 400_000 / limit, bytes: 300_000)
      entry.free = HeapAccount.Total(blocks: 100_000 / limit, bytes: 100_000)
      entry.pinnedPages = limit == 32 ? 1200 : 0
      entry.pinnedFreeBytes = limit == 32 ? 1200 * 4032 : 0
      return entry
    }
    account.pins = ([0, 24, 32] as [UInt64]).map { bytes in
      var pin = HeapAccount.Pin(blockBytes: bytes)
      pin.pages = 1000 - 20 * bytes
      pin.freeBytes = pin.pages * 4032
      pin.addresses = bytes == 0 ? [] : [0x5581_0000_0010, 0x5581_0000_2010]
      return pin
    }
    account.residence[.live] = 11 << 20
    account.residence[.headers] = 270 << 10
    account.residence[.caches] = 92 << 10
    account.residence[.trimmable] = 5 << 20
    account.residence[.kept] = 60 << 10
    account.residence[.pinned] = 3 << 20
    account.residence[.stacks] = 40 << 10
    account.residence[.code] = 1 << 20
    account.residence[.data] = 300 << 10
    account.residence[.files] = 500 << 10
    account.residence[.other] = 4096
    account.residence.kernelBytes = account.residence.total + 4096
    return account
  }
}
