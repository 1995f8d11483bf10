import CLinux
import Glibc
package import SystemPackage

/// One end of a connection that carries packets, each whole or not at all, and descriptors with them.
/// The corresponding C functions are `sendmsg` and `recvmsg` on a SOCK_SEQPACKET socket.
package struct PacketSocket: ~Copyable {
  /// Packets with more bytes don't fit into the buffer of a socket (net.core.wmem_default).
  package static let byteLimit = 192 << 10

  /// What is in one packet.
  package struct Packet: ~Copyable {
    package var bytes: [UInt8]
    package var descriptors: [Int32]

    /// Takes over a descriptor; those not taken are closed with the packet.
    package mutating func takeDescriptor() -> OwnedDescriptor? {
      descriptors.isEmpty ? nil : OwnedDescriptor(owning: descriptors.removeFirst())
    }

    deinit { for descriptor in descriptors { close(descriptor) } }
  }

  private let owned: OwnedDescriptor

  /// Takes ownership of a connected socket.
  package init(owning descriptor: consuming OwnedDescriptor) {
    owned = descriptor
  }

  /// Both ends of a new connection. The corresponding C function is `socketpair`.
  static func pair() throws(Errno) -> (Int32, Int32) {
    var ends: [Int32] = [-1, -1]
    let kind = Int32(SOCK_SEQPACKET.rawValue) | Int32(SOCK_CLOEXEC.rawValue)
    guard socketpair(AF_UNIX, kind, 0, &ends) == 0 else { throw Errno.current }
    return (ends[0], ends[1])
  }

  /// Sends a packet, with copies of at most four descriptors; waits for room only if `waits`.
  package borrowing func send(
    _ bytes: [UInt8], descriptors: [Int32] = [], waits: Bool
  ) throws(Errno) {
    let flags = waits ? 0 : Int32(MSG_DONTWAIT)
    guard
      linux_send_packet(
        owned.rawValue, bytes, bytes.count, descriptors, descriptors.count, flags) >= 0
    else { throw Errno.current }
  }

  /// The next packet; nil when the other end is closed. Descriptors beyond `descriptorLimit` are refused.
  package borrowing func receive(
    descriptorLimit: Int, waits: Bool
  ) throws(Errno) -> Packet? {
    var descriptors = [Int32](repeating: -1, count: 4)
    var descriptorCount = min(descriptorLimit, descriptors.count)
    var received = 0
    let bytes = [UInt8](unsafeUninitializedCapacity: Self.byteLimit) { buffer, filled in
      guard let base = buffer.baseAddress else { return }
      received = linux_receive_packet(
        owned.rawValue, base, buffer.count, &descriptors, &descriptorCount,
        waits ? 0 : Int32(MSG_DONTWAIT))
      filled = max(0, received)
    }
    guard received >= 0 else { throw Errno.current }
    // Nobody sends empty packets.
    guard received > 0 else { return nil }
    return Packet(bytes: bytes, descriptors: Array(descriptors.prefix(descriptorCount)))
  }

  /// Ends the connection for both sides. The corresponding C function is `shutdown`.
  package borrowing func shutDown() {
    shutdown(owned.rawValue, Int32(SHUT_RDWR))
  }

  /// Waits until there is a packet or the end; false when the time has passed. The corresponding C function is `poll`.
  package borrowing func waitForPacket(milliseconds: Int32) -> Bool {
    linux_wait_readable(owned.rawValue, milliseconds) > 0
  }
}
