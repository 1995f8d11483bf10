/// What is known of one live block; nil is unknown.
package struct BlockRecord: Hashable, Sendable {
  package var address: UInt64
  /// Bytes that the program may use.
  package var byteCount: UInt64
  /// Bytes that it has asked for.
  package var requestedByteCount: UInt64?
  package var type: String?
  package var site: SiteID?
  /// Seconds since it was allocated.
  package var age: Double?

  package init(
    address: UInt64, byteCount: UInt64, requestedByteCount: UInt64? = nil, type: String? = nil,
    site: SiteID? = nil, age: Double? = nil
  ) {
    self.address = address
    self.byteCount = byteCount
    self.requestedByteCount = requestedByteCount
    self.type = type
    self.site = site
    self.age = age
  }
}
