import AllocationModel
import Exporters
import TestSupport
import Testing

@Suite struct JSONHeapExporterTests {
  @Test func `a heap reads as recorded`() {
    var account = HeapAccount(pid: 7, allocator: "glibc 2.36")
    account.live = HeapAccount.Total(blocks: 2, bytes: 1048)
    account.mapped = HeapAccount.Total(blocks: 1, bytes: 1024)
    account.free.cached = 32
    account.free.fast = 64
    account.free.binned = 4096
    account.free.top = 8192
    account.free.largest = 8192
    account.roundingLimit = 48
    var arena = HeapAccount.Arena(address: 0x7f00, isMain: true, systemBytes: 135168)
    arena.live = HeapAccount.Total(blocks: 1, bytes: 24)
    arena.free = account.free
    account.arenas = [arena]
    var entry = HeapAccount.SizeClass(limit: 32)
    entry.live = arena.live
    entry.free = HeapAccount.Total(blocks: 3, bytes: 96)
    entry.pinnedPages = 1
    entry.pinnedFreeBytes = 4032
    account.classes = [entry]
    var pin = HeapAccount.Pin(blockBytes: 24)
    pin.pages = 1
    pin.freeBytes = 4032
    pin.addresses = [0x10, 0x20]
    account.pins = [pin, HeapAccount.Pin(blockBytes: 40)]
    account.residence[.live] = 1048
    account.residence[.pinned] = 4032
    account.residence[.trimmable] = 4096
    account.residence.kernelBytes = 9177
    account.checks = [HeapAccount.Check(name: "coverage", isOK: true, detail: "all")]
    Golden("heap.json").expect(JSONHeapExporter.line(account, maximumPins: 1))
  }
}
