import AllocationModel
import Inspection
import LinuxSystem

/// What an inspection says of itself, on standard error.
enum HeapText {
  static func summarize(_ walk: HeapWalk, _ image: ProcessImage) {
    let bytes = walk.blocks.reduce(0) { $0 + $1.byteCount }
    var text =
      "heaptap: \(walk.allocator): \(Figure.blocks(UInt64(walk.blocks.count))), \(Figure.bytes(bytes));"
      + " it stood still for \(InspectionOptions.milliseconds(image.pause)) ms\n"
    let wrong = walk.checks.filter { !$0.isOK }
    if wrong.isEmpty { text += "heaptap: all \(walk.checks.count) checks of the heap hold\n" }
    for check in wrong {
      text += "heaptap: the check of \(check.name) does not hold: \(check.detail)\n"
    }
    if image.unreadablePageCount > 0 {
      text += "heaptap: \(image.unreadablePageCount) pages could not be read\n"
    }
    for damage in walk.damage {
      text += "heaptap: damaged at \(Figure.hexadecimal(damage.address)): \(damage.detail)\n"
    }
    let unsaid = walk.damageCount - walk.damage.count
    if unsaid > 0 { text += "heaptap: \(unsaid) more places are damaged\n" }
    OutputStream.standardError.write(text)
  }
}
