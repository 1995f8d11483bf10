import AllocationModel
import Exporters
import Testing

@Suite struct JSONBlockExporterTests {
  @Test func `what is not known of a block is null`() {
    #expect(
      JSONBlockExporter.line(BlockRecord(address: 0x55aa_0010, byteCount: 24))
        == #"{"address":"0x55aa0010","bytes":24,"requested_bytes":null,"type":null,"site":null,"age_s":null}"#
        + "\n")
  }

  @Test func `what is known is plain bytes and seconds`() {
    let block = BlockRecord(
      address: 16, byteCount: 24, requestedByteCount: 17, type: "Node", site: SiteID(rawValue: 255),
      age: 1.5)
    #expect(
      JSONBlockExporter.line(block)
        == #"{"address":"0x10","bytes":24,"requested_bytes":17,"type":"Node","site":"00000000000000ff","age_s":1.5}"#
        + "\n")
  }
}
