import AllocationModel
import Exporters
import TestSupport
import Testing

@Suite struct JSONPlaceExporterTests {
  @Test func `a live block is told with its mapping and what holds it`() {
    Golden("place.json").expect(
      JSONPlaceExporter.line(
        AddressPlace(
          pid: 7, address: 0x5555_0010, kind: .live, extent: 0x5555_0000..<0x5555_0048,
          type: "Node",
          mapping: AddressPlace.Mapping(
            start: 0x5555_0000, end: 0x5557_1000, permissions: "rw-p", path: "[heap]"),
          path: ReferencePath(
            root: RootReference(kind: .global, owner: "app!cache", offset: 16),
            hops: [ReferencePath.Hop(address: 0x5555_0000, byteCount: 72, type: "Node")]))))
  }

  @Test func `what does not apply is null`() {
    #expect(
      JSONPlaceExporter.line(AddressPlace(pid: 7, address: 16, kind: .unmapped))
        == #"{"schema":"heaptap.where/1","pid":7,"address":"0x10","kind":"unmapped","start":null,"#
        + #""bytes":null,"type":null,"name":null,"thread":null,"tid":null,"mapping":null,"#
        + #""held_by":null}"# + "\n")
  }
}
