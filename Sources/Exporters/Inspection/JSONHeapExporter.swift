package import AllocationModel

/// `heaptap.heap/1`: what a heap is made of, as one object. Sizes are plain bytes.
package enum JSONHeapExporter {
  /// One line, with its end.
  ///
  /// - Parameter maximumPins: sizes of blocks that pin pages, ≥ 0.
  package static func line(_ account: HeapAccount, maximumPins: Int) -> String {
    let residence = account.residence
    var writer = JSONWriter()
    writer.object { writer in
      writer.member("schema", "heaptap.heap/1")
      writer.member("pid", account.pid)
      writer.member("allocator", account.allocator)
      write(&writer, "live", account.live)
      write(&writer, "mapped", account.mapped)
      write(&writer, account.free)
      writer.member("rounding_bytes_at_most", account.roundingLimit)
      writer.member("trimmable_bytes", residence[.trimmable])
      writer.member("fragmentation", residence.fragmentation)
      writer.list("checks", account.checks) { writer, check in
        writer.object { writer in
          writer.member("name", check.name)
          writer.member("ok", check.isOK)
          writer.member("detail", check.detail)
        }
      }
      writer.list("rss", Residence.Part.allCases) { writer, part in
        writer.object { writer in
          writer.member("part", part.rawValue)
          writer.member("bytes", residence[part])
        }
      }
      writer.member("rss_bytes", residence.kernelBytes)
      writer.member("residue_bytes", residence.residue)
      writer.list("arenas", account.arenas, write)
      writer.list("classes", account.classes, write)
      writer.list("pins", Array(account.pins.prefix(maximumPins)), write)
    }
    return writer.text + "\n"
  }

  private static func write(
    _ writer: inout JSONWriter, _ name: String, _ total: HeapAccount.Total
  ) {
    writer.object(name) { writer in
      writer.member("blocks", total.blocks)
      writer.member("bytes", total.bytes)
    }
  }

  private static func write(_ writer: inout JSONWriter, _ free: HeapAccount.FreeBytes) {
    writer.object("free") { writer in
      writer.member("cached_bytes", free.cached + free.fast)
      writer.member("fast_bytes", free.fast)
      writer.member("binned_bytes", free.binned)
      writer.member("top_bytes", free.top)
      writer.member("largest_bytes", free.largest)
    }
  }

  private static func write(_ writer: inout JSONWriter, _ arena: HeapAccount.Arena) {
    writer.object { writer in
      writer.member("address", Figure.hexadecimal(arena.address))
      writer.member("main", arena.isMain)
      writer.member("system_bytes", arena.systemBytes)
      write(&writer, "live", arena.live)
      write(&writer, arena.free)
    }
  }

  private static func write(_ writer: inout JSONWriter, _ entry: HeapAccount.SizeClass) {
    writer.object { writer in
      writer.member("up_to_bytes", entry.limit)
      write(&writer, "live", entry.live)
      write(&writer, "free", entry.free)
      writer.member("pinned_pages", entry.pinnedPages)
      writer.member("pinned_bytes", entry.pinnedFreeBytes)
    }
  }

  private static func write(_ writer: inout JSONWriter, _ pin: HeapAccount.Pin) {
    writer.object { writer in
      writer.member("block_bytes", pin.blockBytes)
      writer.member("pages", pin.pages)
      writer.member("pinned_bytes", pin.freeBytes)
      writer.list("addresses", pin.addresses) { writer, address in
        writer.value(Figure.hexadecimal(address))
      }
    }
  }
}
