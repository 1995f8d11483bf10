import AllocationModel
import Presentation
import TestSupport
import Testing

@Suite struct PlaceTextTests {
  private static let heap = AddressPlace.Mapping(
    start: 0x5555_0000, end: 0x5557_1000, permissions: "rw-p", path: "[heap]")

  @Test func `what is at an address is said with its mapping and what holds it`() {
    let live = AddressPlace(
      pid: 7, address: 0x5555_0010, kind: .live, extent: 0x5555_0000..<0x5555_0048, type: "Node",
      mapping: Self.heap,
      path: ReferencePath(
        root: RootReference(kind: .global, owner: "app!cache", offset: 16),
        hops: [ReferencePath.Hop(address: 0x5555_0000, byteCount: 72, type: "Node")]))
    var lost = live
    (lost.type, lost.path) = (nil, nil)
    let cached = AddressPlace(
      pid: 7, address: 0x5555_0010, kind: .cached, extent: 0x5555_0000..<0x5555_0050,
      mapping: Self.heap)
    let global = AddressPlace(
      pid: 7, address: 0x4010, kind: .global,
      owner: RootReference(kind: .global, owner: "app!cache", offset: 16),
      mapping: AddressPlace.Mapping(start: 0x4000, end: 0x5000, permissions: "rw-p", path: "/app"))
    let code = AddressPlace(
      pid: 7, address: 0x1010, kind: .code,
      owner: RootReference(kind: .global, owner: "app!main", offset: 16),
      mapping: AddressPlace.Mapping(start: 0x1000, end: 0x2000, permissions: "r-xp", path: "/app"))
    let stack = AddressPlace(
      pid: 7, address: 0x7f10, kind: .stack,
      owner: RootReference(
        kind: .stack, owner: "sp", offset: 16,
        thread: RootReference.Thread(tid: 12, name: "worker")),
      mapping: AddressPlace.Mapping(start: 0x7000, end: 0x8000, permissions: "rw-p", path: nil))
    let nothing = AddressPlace(pid: 7, address: 0x10, kind: .unmapped)
    Golden("places.txt").expect(
      [live, lost, cached, global, code, stack, nothing].map(PlaceText.render)
        .joined(separator: "\n"))
  }
}
