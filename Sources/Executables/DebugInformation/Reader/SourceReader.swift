import CElfutils
import Glibc
package import LinuxSystem
import Processes
package import SystemPackage

/// The process that reads debug information for another one, which may be hostile: it answers queries until the other
/// end of its socket is closed.
///
/// It has no privileges, little memory and a deadline for each query. Whatever goes wrong in libdw ends this process
/// and nothing else.
package struct SourceReader: ~Copyable {
  private static let dataByteLimit: UInt64 = 4 << 30
  private static let descriptorLimit: UInt64 = 256
  /// Seconds for one query. Servers may be asked for debug files, which takes longer and no CPU.
  private static let cpuSeconds: UInt32 = 10
  private static let seconds: UInt32 = 20
  private static let secondsWithServers: UInt32 = 60

  private let socket: PacketSocket
  private let seconds: UInt32
  private var modules: [UInt32: DebugModule?] = [:]

  /// Confines this process for good.
  package init(socket: consuming PacketSocket) throws(Errno) {
    let hasServers = Self.prepareServers()
    try Confinement.enter(
      dataByteLimit: Self.dataByteLimit, descriptorLimit: Self.descriptorLimit)
    seconds = hasServers ? Self.secondsWithServers : Self.seconds
    self.socket = socket
  }

  /// Answers until nobody asks any more.
  package mutating func run() throws(Errno) {
    try socket.send(
      SourceAnswer(id: SourceAnswer.readyID, index: 0, calls: []).packet, waits: true)
    while var packet = try socket.receive(descriptorLimit: 2, waits: true) {
      Confinement.setDeadline(cpuSeconds: Self.cpuSeconds, seconds: seconds)
      guard let query = SourceQuery(packet: packet.bytes) else { return }
      let file = packet.takeDescriptor()
      let root = ProcessRoot(taking: packet.takeDescriptor())
      open(query, file, root: root)
      for (index, place) in query.places.enumerated() {
        let calls = calls(at: place, of: query)
        Confinement.setDeadline(cpuSeconds: 0, seconds: 0)
        // The other end may be busy with other things for as long as it likes.
        try socket.send(
          SourceAnswer(id: query.id, index: UInt32(index), calls: calls).packet, waits: true)
        Confinement.setDeadline(cpuSeconds: Self.cpuSeconds, seconds: seconds)
      }
      Confinement.setDeadline(cpuSeconds: 0, seconds: 0)
    }
  }

  private mutating func open(
    _ query: SourceQuery, _ file: consuming OwnedDescriptor?, root: ProcessRoot?
  ) {
    if let closing = query.closing { modules[closing] = nil }
    guard let module = query.module, let path = query.path, let file,
      let regular = try? RegularFile(taking: file, path: path)
    else { return }
    modules[module] = .some(DebugModule(regular, path: path, root: root))
  }

  private func calls(at place: SourceQuery.Place, of query: SourceQuery) -> [SourceCall] {
    guard let module = query.module, let known = modules[module], let known else {
      let name = FunctionNaming(symbol: place.symbol).physical(nil, linkageName: nil)
      return name.map { [SourceCall(function: $0)] } ?? []
    }
    return known.calls(at: place.address, symbol: place.symbol)
  }

  /// Has libdebuginfod, which libdwfl calls, use a folder that this process may write to, and not wait for long.
  ///
  /// Returns whether any server is to be asked (debuginfod_find_debuginfo(3)).
  private static func prepareServers() -> Bool {
    guard let servers = getenv("DEBUGINFOD_URLS"), servers.pointee != 0 else { return false }
    setenv("DEBUGINFOD_TIMEOUT", "10", 0)
    setenv("DEBUGINFOD_MAXTIME", "30", 0)
    if geteuid() == 0, getenv("DEBUGINFOD_CACHE_PATH") == nil {
      let folder = "/var/cache/heaptap-debuginfod"
      Confinement.makeFolder(folder)
      setenv("DEBUGINFOD_CACHE_PATH", folder, 1)
    }
    return true
  }
}
